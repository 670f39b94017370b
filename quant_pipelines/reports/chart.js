// Charts under the pointer: exact values, and a closer look by dragging, wheel, fingers or buttons.
// The server draws each chart whole; without this script nothing is missing but the closer look.
(() => {
  "use strict";
  const SIZE = 1000, FEWEST_PIXELS = 8, CLOSER = 0.5, MOST_CLOSE = 1e-4;
  const MINUTE = 6e4, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
  const STEPS = [1, 5, 15, 30].map((n) => n * MINUTE).concat([1, 2, 4, 6, 12].map((n) => n * HOUR))
    .concat([1, 2, 4, 7, 14, 28, 56, 91, 182, 365, 730].map((n) => n * DAY));
  const seen = new Map(); // what part of a chart was looked at: a page that reads itself again shows it again

  const numbers = (text) => text.split(" ").map(Number);

  function placesOf(data, count) {
    if (data.at) return numbers(data.at);
    const [start, step, ...gaps] = numbers(data.x), places = [start];
    for (let n = 1; n < count; n += 1) places.push(places[n - 1] + step * (gaps.length ? gaps[n - 1] : 1));
    return places;
  }

  function seriesOf(layer) {
    const data = layer.dataset, values = numbers(data.v || data.ohlc), count = data.ohlc ? values.length / 4 : values.length;
    const hints = data.hints ? data.hints.split("\n") : null;
    return { name: data.name, values, hints, isCandle: Boolean(data.ohlc), shift: +(data.shift || 0), xs: placesOf(data, count) };
  }

  const low = (one, at) => (one.isCandle ? one.values[4 * at + 2] : one.values[at]);
  const high = (one, at) => (one.isCandle ? one.values[4 * at + 1] : one.values[at]);

  function nearest(xs, x) {
    let left = 0, right = xs.length - 1;
    while (right - left > 1) {
      const middle = (left + right) >> 1;
      if (xs[middle] < x) left = middle; else right = middle;
    }
    return Math.abs(xs[left] - x) <= Math.abs(xs[right] - x) ? left : right;
  }

  function told(value, form, digits) {
    if (Number.isNaN(value)) return "not known";
    if (form === "%") return `${(100 * value).toLocaleString("en-US", { maximumFractionDigits: digits > 6 ? 4 : 2 })} %`;
    return value.toLocaleString("en-US", { maximumSignificantDigits: digits });
  }

  function when(ms, step) {
    const text = new Date(ms).toISOString();
    return step >= DAY ? text.slice(0, 10) : text.slice(5, 16).replace("T", " ");
  }

  function ticksOf(start, end, count, isTime) {
    const wanted = (end - start) / count, power = 10 ** Math.floor(Math.log10(wanted));
    const steps = isTime ? STEPS : [1, 2, 2.5, 5, 10].map((n) => n * power);
    const step = steps.find((one) => one >= wanted) || steps[steps.length - 1];
    const ticks = [];
    for (let n = Math.ceil(start / step); n * step <= end; n += 1) ticks.push(n * step);
    return { ticks, step };
  }

  function textAt(x, y, anchor, words) {
    const text = document.createElementNS(document.querySelector("svg.lines").namespaceURI, "text");
    for (const [name, value] of Object.entries({ x, y, "text-anchor": anchor, class: "tick" })) text.setAttribute(name, value);
    text.textContent = words;
    return text;
  }

  class Closer {
    constructor(figure) {
      this.plot = figure.querySelector(".plot");
      this.key = `${location.pathname} ${figure.querySelector("b").textContent}`;
      this.lines = this.plot.querySelector("svg.lines");
      this.marks = [...this.plot.querySelectorAll(".marks text")];
      this.scales = { x: figure.querySelector("svg.xs"), y: figure.querySelector("svg.ys") };
      this.grid = this.lines.querySelector(":scope > path.grid");
      this.drawnGrid = this.grid.getAttribute("d");
      this.drawn = { x: this.scales.x.innerHTML, y: this.scales.y.innerHTML };
      const data = this.plot.dataset;
      this.form = data.form;
      this.xForm = data.xform;
      this.isTime = data.xform === "time";
      this.isLog = Boolean(data.log);
      this.full = { x0: +data.x0, x1: +data.x1, y0: this.up(+data.y0), y1: this.up(+data.y1) };
      this.view = this.full;
      this.fingers = new Map();
      this.tip = document.createElement("div");
      this.tip.className = "tip";
      this.cross = document.createElement("div");
      this.cross.className = "cross";
      this.chosen = document.createElement("div");
      this.chosen.className = "chosen-part";
      this.listen();
      this.addTools(figure);
      if (seen.has(this.key)) this.look(...seen.get(this.key));
    }

    get series() {
      this.known ??= [...this.lines.querySelectorAll("[data-v],[data-ohlc]")].map(seriesOf);
      return this.known;
    }

    up(value) { return this.isLog ? Math.log(value) : value; }
    down(value) { return this.isLog ? Math.exp(value) : value; }
    share(event) {
      const box = this.plot.getBoundingClientRect();
      return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height, width: box.width, height: box.height };
    }
    xAt(share) { return this.view.x0 + share * (this.view.x1 - this.view.x0); }
    leftOf(x) { return (x - this.view.x0) / (this.view.x1 - this.view.x0); }
    topOf(y) { return 1 - (this.up(y) - this.view.y0) / (this.view.y1 - this.view.y0); }

    look(x0, x1) {
      const { full } = this, span = Math.min(Math.max(x1 - x0, (full.x1 - full.x0) * MOST_CLOSE), full.x1 - full.x0);
      const start = Math.min(Math.max(x0, full.x0), full.x1 - span);
      const isAll = span >= (full.x1 - full.x0) * 0.999;
      this.view = isAll ? full : { x0: start, x1: start + span, ...this.heights(start, start + span) };
      if (isAll) seen.delete(this.key); else seen.set(this.key, [start, start + span]);
      this.show(isAll);
    }

    heights(x0, x1) {
      let bottom = Infinity, top = -Infinity;
      for (const one of this.series) {
        for (let at = 0; at < one.xs.length; at += 1) {
          if (one.xs[at] < x0 || one.xs[at] > x1) continue;
          if (low(one, at) < bottom) bottom = low(one, at);
          if (high(one, at) > top) top = high(one, at);
        }
      }
      if (!(bottom <= top)) return { y0: this.full.y0, y1: this.full.y1 };
      bottom = this.up(bottom);
      top = this.up(top);
      const rim = 0.06 * (top - bottom) || Math.abs(top) * 0.01 || 1;
      return { y0: bottom - rim, y1: top + rim };
    }

    show(isAll) {
      const { full, view } = this, across = SIZE / (full.x1 - full.x0), upright = SIZE / (full.y1 - full.y0);
      const box = [(view.x0 - full.x0) * across, (full.y1 - view.y1) * upright, (view.x1 - view.x0) * across, (view.y1 - view.y0) * upright];
      this.lines.setAttribute("viewBox", box.map((one) => one.toFixed(4)).join(" "));
      this.plot.classList.toggle("closer", !isAll);
      this.all.disabled = isAll;
      for (const mark of this.marks) {
        const left = this.leftOf(+mark.dataset.x), top = this.topOf(+mark.dataset.y);
        mark.setAttribute("x", `${100 * left}%`);
        mark.setAttribute("y", `${100 * top}%`);
        mark.classList.toggle("outside", left < 0 || left > 1 || top < 0 || top > 1);
      }
      for (const side of ["x", "y"]) if (isAll) this.scales[side].innerHTML = this.drawn[side];
      if (isAll) this.grid.setAttribute("d", this.drawnGrid); else this.scale();
      this.leave();
    }

    scale() {
      const { view } = this, upright = ticksOf(this.down(view.y0), this.down(view.y1), 5, false);
      const across = ticksOf(view.x0, view.x1, this.plot.clientWidth < 480 ? 3 : 6, this.isTime);
      const tops = upright.ticks.map((y) => ((this.full.y1 - this.up(y)) * SIZE) / (this.full.y1 - this.full.y0));
      this.grid.setAttribute("d", tops.map((top) => `M0 ${top.toFixed(3)}H${SIZE}`).join(""));
      this.scales.y.replaceChildren(...upright.ticks.map((y) => textAt("100%", `${100 * this.topOf(y)}%`, "end", told(y, this.form, 6))));
      this.scales.x.replaceChildren(...across.ticks.map((x) => {
        const left = this.leftOf(x), anchor = left < 0.06 ? "start" : left > 0.94 ? "end" : "middle";
        return textAt(`${100 * left}%`, "15", anchor, this.isTime ? when(x, across.step) : told(x, this.xForm, 5));
      }));
    }

    closer(share, factor) {
      const at = this.xAt(share), { x0, x1 } = this.view;
      this.look(at - (at - x0) * factor, at + (x1 - at) * factor);
    }

    move(share) {
      const by = share * (this.view.x1 - this.view.x0);
      if (this.view !== this.full) this.look(this.view.x0 + by, this.view.x1 + by);
    }

    hover(event) {
      const place = this.share(event), one = this.series[0];
      if (!one) return;
      const found = one.hints ? this.dotAt(place) : this.lineAt(this.xAt(place.x));
      if (!found) { this.leave(); return; }
      const left = 100 * this.leftOf(found.x);
      this.tip.textContent = found.words.join("\n");
      if (!this.tip.isConnected) this.plot.append(this.cross, this.tip);
      this.cross.style.left = `${left}%`;
      this.tip.style.left = left > 55 ? "auto" : `calc(${left}% + 10px)`;
      this.tip.style.right = left > 55 ? `calc(${100 - left}% + 10px)` : "auto";
    }

    lineAt(x) {
      const first = this.series[0], x0 = first.xs[nearest(first.xs, x)];
      const words = [this.isTime ? `${new Date(x0 - first.shift).toISOString().slice(0, 16).replace("T", " ")} UTC` : told(x0, this.xForm, 9)];
      for (const one of this.series) {
        const at = nearest(one.xs, x0), part = one.values.slice(4 * at, 4 * at + 4);
        if (one.isCandle) words.push(...["open", "high", "low", "close"].map((name, n) => `${name} ${told(part[n], this.form, 10)}`));
        else words.push(`${one.name}: ${told(one.values[at], this.form, 10)}`);
      }
      return { x: x0, words };
    }

    dotAt(place) {
      let best = null, least = 30; // pixels
      for (const one of this.series) {
        one.xs.forEach((x, at) => {
          const far = Math.hypot((this.leftOf(x) - place.x) * place.width, (this.topOf(one.values[at]) - place.y) * place.height);
          if (far < least) { least = far; best = { x, words: [one.name, ...one.hints[at].split("; ")] }; }
        });
      }
      return best;
    }

    leave() { this.tip.remove(); this.cross.remove(); }

    press(event) {
      if (event.pointerType === "mouse" && event.button !== 0) return;
      this.fingers.set(event.pointerId, event);
      this.from = this.share(event).x;
      this.plot.setPointerCapture(event.pointerId);
      if (event.pointerType !== "mouse") this.hover(event);
    }

    drag(event) {
      const isDown = this.fingers.has(event.pointerId);
      if (isDown && this.fingers.size === 2) { this.pinch(event); return; }
      if (!isDown || event.pointerType !== "mouse") { this.hover(event); return; }
      const to = Math.min(Math.max(this.share(event).x, 0), 1);
      if (event.shiftKey) { this.move(this.from - to); this.from = to; return; }
      this.leave();
      this.plot.append(this.chosen);
      this.chosen.style.left = `${100 * Math.min(this.from, to)}%`;
      this.chosen.style.width = `${100 * Math.abs(to - this.from)}%`;
    }

    pinch(event) {
      const other = [...this.fingers.values()].find((one) => one.pointerId !== event.pointerId);
      const before = this.fingers.get(event.pointerId), middle = (this.share(before).x + this.share(other).x) / 2;
      const was = Math.abs(before.clientX - other.clientX), is = Math.abs(event.clientX - other.clientX);
      this.fingers.set(event.pointerId, event);
      if (was > 10 && is > 10) this.closer(middle, was / is);
    }

    release(event) {
      const isMouse = event.pointerType === "mouse", wasDown = this.fingers.delete(event.pointerId);
      if (!isMouse || !wasDown || !this.chosen.isConnected) return;
      this.chosen.remove();
      const place = this.share(event), to = Math.min(Math.max(place.x, 0), 1), ends = [this.from, to].sort((a, b) => a - b);
      if ((ends[1] - ends[0]) * place.width >= FEWEST_PIXELS) this.look(this.xAt(ends[0]), this.xAt(ends[1]));
    }

    turn(event) {
      const isAcross = Math.abs(event.deltaX) > Math.abs(event.deltaY) && this.view !== this.full;
      if (!isAcross && !event.ctrlKey && !event.metaKey) return; // the page scrolls
      event.preventDefault();
      if (isAcross) this.move(event.deltaX / this.plot.clientWidth);
      else this.closer(this.share(event).x, Math.exp(Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 100) * 0.004));
    }

    listen() {
      const { plot } = this;
      plot.addEventListener("pointerdown", (event) => this.press(event));
      plot.addEventListener("pointermove", (event) => this.drag(event));
      for (const name of ["pointerup", "pointercancel"]) plot.addEventListener(name, (event) => this.release(event));
      plot.addEventListener("pointerleave", () => this.leave());
      plot.addEventListener("dblclick", () => this.look(this.full.x0, this.full.x1));
      plot.addEventListener("wheel", (event) => this.turn(event), { passive: false });
    }

    addTools(figure) {
      const tools = document.createElement("span");
      tools.className = "tools";
      const add = (sign, name, act) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = sign;
        button.title = `${name}: ${figure.querySelector("b").textContent}`;
        button.setAttribute("aria-label", button.title);
        button.addEventListener("click", act);
        tools.append(button);
        return button;
      };
      add("+", "Look closer", () => this.closer(0.5, CLOSER));
      add("−", "Look from farther away", () => this.closer(0.5, 1 / CLOSER));
      add("←", "Move to what is before", () => this.move(-0.4));
      add("→", "Move to what is after", () => this.move(0.4));
      this.all = add("all", "Show all", () => this.look(this.full.x0, this.full.x1));
      this.all.disabled = true;
      figure.querySelector("figcaption").append(tools);
    }
  }

  function enhance(root) {
    for (const plot of root.querySelectorAll(".plot[data-x0]")) new Closer(plot.closest("figure"));
  }

  window.lookCloser = enhance;
  enhance(document);
})();
