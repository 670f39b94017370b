import base64
import xml.etree.ElementTree as ET

from assets.rendering import plot, spark, table

SHOWN_AT_ONCE = 1000  # Dagster folds longer Markdown away behind a link


def image_of(markdown: str) -> ET.Element:
    encoded = markdown.partition("base64,")[2].removesuffix(")")
    return ET.fromstring(base64.b64decode(encoded))  # noqa: S314 - our own text


def test_table_has_a_line_for_each_row_and_a_dash_for_nothing() -> None:
    markdown = table([{"symbol": "BTC", "score": 0.123456, "flag": None}, {"symbol": "A|B", "passed": True}])
    assert markdown.value.splitlines() == [
        "| symbol | score | flag |",
        "| --- | --- | --- |",
        "| BTC | 0.1235 | – |",  # noqa: RUF001
        "| A\\|B | – | – |",  # noqa: RUF001
    ]


def test_truth_is_a_word_and_large_numbers_have_no_fraction() -> None:
    assert "| yes | 123,457 |" in str(table([{"passed": True, "equity": 123456.7}]).value)


def test_empty_table_says_so() -> None:
    assert table([]).value == "nothing"


def test_plot_is_an_image_with_a_line_for_each_series() -> None:
    image = image_of(str(plot({"a<b": [1.0, 2.0, 1.5], "flat": [1.0, 1.0]}, "Equity & more").value))
    tags = [element.tag.rpartition("}")[2] for element in image]
    assert tags.count("path") == 2
    assert [element.text for element in image if element.tag.endswith("text")] == [
        "Equity & more (1 to 2)",
        "a<b",
        "flat",
    ]


def test_long_line_is_thinned() -> None:
    assert len(str(plot({"long": [float(at) for at in range(100_000)]}, "Long").value)) < 20_000


def test_nothing_to_plot_says_so() -> None:
    assert plot({"short": [1.0]}, "Nothing").value == "nothing to plot yet"
    assert spark([1.0], "Nothing").value == "nothing to plot yet"


def test_spark_is_short_enough_to_be_shown_at_once() -> None:
    markdown = str(spark([1.0 + (at % 7) ** 2 for at in range(5_000)], "Stitched out-of-sample equity").value)
    assert len(markdown) < SHOWN_AT_ONCE


def test_spark_rises_from_the_bottom_to_the_top() -> None:
    (path,) = image_of(str(spark([1.0, 2.0], "Rise").value))
    start, *steps = path.attrib["d"].removeprefix("M0 ").split("l")
    assert int(start) + sum(int(step.split()[1]) for step in steps) == 1
    assert int(start) > 1
