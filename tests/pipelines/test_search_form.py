"""What a search asks for is the same in the Launchpad, in the console and on the command line."""

import pytest

from assets.research import Search, scope_of
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.search_settings import ParameterRange
from quant_pipelines.operations.search_verbs import OPTIMIZE


def test_the_form_of_the_console_asks_what_the_asset_takes() -> None:
    config = Search.model_fields
    for field in OPTIMIZE.form:
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        words = [one.name for one in type(config[field.name].default)] if field.choices else []
        assert not field.choices or list(field.choices.words) == words, field.name
        assert (config[field.name].default.name if field.choices else config[field.name].default) == default


def test_a_space_is_written_as_on_the_command_line_and_belongs_to_one_record_in_any_order() -> None:
    space = (ParameterRange("average", options=("ema", "sma")), ParameterRange("fast", 5.0, 20.0, 5.0))
    assert scope_of(Search(space=["fast=5:20:5", "average=ema, sma"]), 4).space == space
    assert scope_of(Search(space=["average=ema,sma", "fast=5:20:5"]), 4).space == space
    with pytest.raises(ConfigurationError, match="space is 'fast'; expected NAME=LOW:HIGH"):
        scope_of(Search(space=["fast"]), 4)
