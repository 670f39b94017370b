// Only conveniences: columns that sort, values under the pointer. The page says everything without it.
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

  const points = (path) =>
    path.getAttribute("d").split(/[ML]/).filter(Boolean).map((pair) => pair.trim().split(" ").map(Number));

  function when(ms, span) {
    const text = new Date(ms).toISOString();
    return span > 120 * 864e5 ? text.slice(0, 10) : text.slice(0, 16).replace("T", " ");
  }

  function value(at, data) {
    const low = Number(data.y0), high = Number(data.y1), share = 1 - at / 1000;
    const read = data.log ? low * Math.pow(high / low, share) : low + (high - low) * share;
    if (data.unit === "%") return (100 * read).toFixed(2) + " %";
    return read.toLocaleString("en-US", { maximumSignificantDigits: 6 });
  }

  for (const plot of document.querySelectorAll(".plot[data-x0]")) {
    const lines = [...plot.querySelectorAll("path.line[data-name]")];
    const data = plot.dataset, start = Number(data.x0), span = Number(data.x1) - start;
    const tip = document.createElement("div"), cross = document.createElement("div");
    let read = null;
    tip.className = "tip";
    cross.className = "cross";
    plot.onpointermove = (event) => {
      read ??= lines.map(points);
      const box = plot.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * 1000;
      const nearest = read.map((all) => all.reduce((a, b) => (Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a)));
      const at = nearest[0][0];
      const rows = lines.map((line, i) => `${line.dataset.name}: ${value(nearest[i][1], data)}`);
      tip.textContent = [when(start + (at / 1000) * span, span), ...rows].join("\n");
      plot.append(cross, tip);
      cross.style.left = at / 10 + "%";
      tip.style.top = "4px";
      tip.style.left = at > 600 ? "auto" : at / 10 + 1 + "%";
      tip.style.right = at > 600 ? 101 - at / 10 + "%" : "auto";
    };
    plot.onpointerleave = () => { tip.remove(); cross.remove(); };
  }
})();
