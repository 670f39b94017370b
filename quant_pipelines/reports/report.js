// Only a convenience: columns that sort. The page says everything without it.
(() => {
  "use strict";
  const collator = new Intl.Collator("en", { numeric: true });

  function sortBy(table, column, header) {
    const up = header.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
    const order = (a, b) => {
      const x = key(a), y = key(b), m = Number(x), n = Number(y);
      return Number.isNaN(m) || Number.isNaN(n) ? collator.compare(x, y) : m - n;
    };
    const rows = [...table.tBodies[0].rows].sort(order);
    table.tBodies[0].append(...(up ? rows : rows.reverse()));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.onclick = () => sortBy(table, column, header);
      header.append(button);
    });
  }
})();
