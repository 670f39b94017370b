// Keeps an open page honest: it reads itself again when something changed, and greys itself without a beat.
"use strict";

const SILENT_AFTER_MS = 5000;
const READ_AT_LEAST_MS = 30000;
const READ_AT_MOST_MS = 1000; // where something changes all the time, reads would follow without a pause
const body = document.body;
const status = document.getElementById("beat");
let lastBeat = Date.now();
let lastRead = Date.now();
let change = null;
let isReading = false;
let isStale = false; // something changed while the page was being read
let startedAt = -Infinity; // when a read last began, on a clock that nobody sets
let waiting = 0; // timer of a read that would begin too soon

function said(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

function age(now) {
  for (const one of document.querySelectorAll("time.age")) {
    const seconds = Math.max(0, (now - Date.parse(one.dateTime)) / 1000);
    const state = seconds < +one.dataset.late ? "fresh" : seconds < +one.dataset.stale ? "late" : "stale";
    const text = `${said(seconds)} ago, ${state}`;
    if (one.textContent !== text) one.textContent = text;
    one.className = `age ${state}`;
  }
}

async function readAgain() {
  const live = document.getElementById("live");
  isStale = isReading;
  const held = document.activeElement, tool = held.closest("figure .tools button");
  if (!live || isReading || document.querySelector(".chosen-part") || (live.contains(held) && !tool)) return;
  const rest = startedAt + READ_AT_MOST_MS - performance.now();
  if (rest > 0) {
    waiting ||= setTimeout(() => { waiting = 0; readAgain(); }, rest);
    return;
  }
  startedAt = performance.now();
  isReading = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.status === 401) { location.reload(); return; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (fresh) {
      const places = [...document.querySelectorAll(".wide")].map((one) => one.scrollLeft);
      document.getElementById("content").replaceWith(page.getElementById("content"));
      document.querySelectorAll(".wide").forEach((one, at) => { one.scrollLeft = places[at] || 0; });
      window.lookCloser(document.getElementById("content"));
      if (tool) document.querySelector(`.tools button[title="${CSS.escape(tool.title)}"]`)?.focus();
      lastRead = Date.now();
    }
  } catch { /* the beat says that nobody answers */ } finally { isReading = false; }
  if (isStale) readAgain();
}

function beaten(event) {
  const beat = JSON.parse(event.data);
  lastBeat = Date.now();
  body.classList.remove("silent");
  const at = beat.at.slice(11, 19);
  status.textContent = beat.change ? `Live, ${at} UTC` : `The database is away, ${at} UTC: values are the last known ones`;
  age(Date.parse(beat.at));
  const isOther = change !== null && beat.change && beat.change !== change;
  if (beat.change) change = beat.change;
  if (isOther || Date.now() - lastRead > READ_AT_LEAST_MS) readAgain();
}

function watch() {
  const silent = Date.now() - lastBeat;
  if (silent > SILENT_AFTER_MS && !body.classList.contains("silent")) {
    body.classList.add("silent");
    status.textContent = `No sign of life since ${new Date(lastBeat).toISOString().slice(11, 19)} UTC: do not trust what you see`;
  }
}

function pressed(event) {
  const isTyping = event.target.closest("input, select, textarea");
  if (event.key !== "h" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  location.assign(`${body.dataset.halt}?scope=account`);
}

if (body.dataset.beat) {
  new EventSource(body.dataset.beat).addEventListener("beat", beaten);
  setInterval(watch, 500);
  document.addEventListener("keydown", pressed);
}
