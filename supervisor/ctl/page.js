// Draws /status.json once a second. What it says may be a stranger's words:
// they go into the page as text, never as markup.
"use strict";

const PERIOD_MS = 1000;
const SAMPLES = 180;
const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 180;
const HEIGHT = 40;

const tunnels = new Map();

function element(name, className, text) {
	const made = document.createElement(name);

	if (className)
		made.className = className;
	if (text !== undefined)
		made.textContent = text;
	return made;
}

function word(value) {
	return value === undefined || value === null ? "?" : String(value);
}

function number(value) {
	return typeof value === "number" && isFinite(value) ? value : 0;
}

function bytes(value) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let amount = number(value), unit = 0;

	while (amount >= 1024 && unit < units.length - 1) {
		amount /= 1024;
		unit++;
	}
	return amount.toFixed(unit ? 1 : 0) + " " + units[unit];
}

function milliseconds(value) {
	return number(value) > 0 ? number(value).toFixed(1) + " ms" : "–";
}

function duration(ms) {
	const s = Math.floor(number(ms) / 1000);

	if (s < 60)
		return s + " s";
	if (s < 3600)
		return Math.floor(s / 60) + " min";
	if (s < 86400)
		return Math.floor(s / 3600) + " h";
	return Math.floor(s / 86400) + " d";
}

function tone(state) {
	if (state === "up")
		return "good";
	if (state === "resting")
		return "";
	return state === "waiting" || state === "stalled" || state === "down" ?
	    "bad" : "busy";
}

// --- graphs ---------------------------------------------------------------

// Lines of one scale over the last samples, the newest at the right.
class Graph {
	constructor(label, form, names) {
		this.form = form;
		this.cell = element("td");
		this.svg = document.createElementNS(SVG, "svg");
		this.svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
		this.svg.setAttribute("preserveAspectRatio", "none");
		this.svg.setAttribute("role", "img");
		this.svg.setAttribute("aria-label", label);
		this.lines = names.map((name) => {
			const line = document.createElementNS(SVG, "polyline");

			line.setAttribute("class", name);
			this.svg.append(line);
			return { line, values: [] };
		});
		this.scale = element("span", "scale");
		this.cell.append(this.svg, this.scale);
	}

	add(...values) {
		let most = 0;

		this.lines.forEach((item, i) => {
			item.values.push(number(values[i]));
			if (item.values.length > SAMPLES)
				item.values.shift();
			most = Math.max(most, ...item.values);
		});
		for (const item of this.lines)
			item.line.setAttribute("points",
			    this.points(item.values, most));
		this.scale.textContent = most > 0 ?
		    "at most " + this.form(most) : "";
	}

	points(values, most) {
		const step = WIDTH / (SAMPLES - 1);

		return values.map((value, i) => {
			const x = WIDTH - (values.length - 1 - i) * step;
			const y = most > 0 ? value / most : 0;

			return x.toFixed(1) + "," +
			    (HEIGHT - 1 - y * (HEIGHT - 2)).toFixed(1);
		}).join(" ");
	}
}

// --- a row a path ---------------------------------------------------------

class Path {
	constructor() {
		this.row = element("tr");
		this.uri = element("div", "uri");
		this.remark = element("div", "remark");
		this.cells = {};
		const first = element("td");

		first.append(this.uri, this.remark);
		this.row.append(first);
		for (const name of ["state", "rtt", "tx", "rx", "sent",
		    "received", "restarts"])
			this.row.append(this.cells[name] = element("td", name));
		this.rates = new Graph("rates", (v) => bytes(v) + "/s",
		    ["tx", "rx"]);
		this.times = new Graph("round trip", milliseconds, ["rtt"]);
		this.row.append(this.rates.cell, this.times.cell);
	}

	show(path) {
		const up = path.state === "up" || path.state === "stalled";
		const cells = this.cells;

		this.uri.textContent = word(path.uri);
		this.remark.textContent = [path.role, path.note,
		    up ? "" : path.last_error].filter(Boolean).join("; ");
		cells.state.textContent = word(path.state) +
		    (up ? " " + duration(path.uptime_ms) : "");
		cells.state.className = "state " + tone(path.state);
		cells.rtt.textContent = up ? milliseconds(path.rtt_ms) : "–";
		cells.tx.textContent = bytes(path.tx_rate) + "/s";
		cells.rx.textContent = bytes(path.rx_rate) + "/s";
		cells.sent.textContent = bytes(path.tx_bytes);
		cells.received.textContent = bytes(path.rx_bytes);
		cells.restarts.textContent = number(path.restarts);
		this.rates.add(path.tx_rate, path.rx_rate);
		this.times.add(up ? path.rtt_ms : 0);
	}
}

// --- a card a tunnel ------------------------------------------------------

// Make what is new, keep what there was, in the order of the list.
function arrange(parent, known, list, keyOf, make, nodeOf) {
	const seen = new Map();

	for (const item of list) {
		let key = keyOf(item);

		while (seen.has(key))
			key += "\n";
		const shown = known.get(key) || make();

		seen.set(key, shown);
		shown.show(item);
	}
	parent.replaceChildren(...[...seen.values()].map(nodeOf));
	known.clear();
	for (const [key, shown] of seen)
		known.set(key, shown);
}

class Tunnel {
	constructor() {
		this.card = element("section", "tunnel");
		this.name = element("h2");
		this.state = element("span");
		this.facts = element("p", "facts");
		this.counts = element("p", "counts");
		this.ledger = element("div", "facts");
		this.paths = new Map();
		this.body = element("tbody");
		const table = element("table"), titles = element("tr");
		const head = element("thead");

		for (const title of ["path", "state", "RTT", "to", "from",
		    "sent", "received", "restarts", "rates", "round trip"])
			titles.append(element("th", "", title));
		head.append(titles);
		table.append(head, this.body);
		this.card.append(this.name, this.facts, this.counts,
		    this.ledger, table);
	}

	show(tunnel) {
		const up = tunnel.paths.filter((path) => path.state === "up");
		const dropped = Object.entries(tunnel.dropped)
		    .filter(([, count]) => number(count) > 0)
		    .map(([cause, count]) => `${count} ${cause}`);

		this.state.textContent = " " + word(tunnel.state);
		this.state.className = tone(tunnel.state);
		this.name.replaceChildren(word(tunnel.name), this.state);
		this.facts.textContent = `${word(tunnel.role)}, peer ` +
		    `${word(tunnel.peer)}, ${word(tunnel.local)} to ` +
		    `${word(tunnel.remote)}, ${word(tunnel.scheduler)}, ` +
		    `${up.length} of ${tunnel.paths.length} paths up, ` +
		    tunnel.socket;
		this.counts.textContent = `datagrams: ${number(tunnel.sent)} ` +
		    `sent, ${number(tunnel.delivered)} delivered, dropped: ` +
		    (dropped.join(", ") || "none");
		this.ledger.replaceChildren(
		    ...Object.entries(tunnel.ledger || {}).map(books));
		arrange(this.body, this.paths, tunnel.paths,
		    (path) => String(path.id) + " " + path.uri,
		    () => new Path(), (path) => path.row);
	}
}

// What became of all that came in, in one direction, by the ledger.
function books([direction, account]) {
	const fates = Object.entries(account)
	    .filter(([key, value]) => number(value) > 0 &&
		!["came_in", "copies", "arrived", "duplicates"].includes(key))
	    .map(([key, value]) => `${value} ${key.replace(/_/g, " ")}`);

	return element("p", "", `${direction}: ${number(account.came_in)} ` +
	    `came in: ${fates.join(", ") || "none"} (${word(account.state)})`);
}

function show(status) {
	const processes = status.processes || [status.process];

	arrange(document.getElementById("tunnels"), tunnels, status.tunnels,
	    (tunnel) => tunnel.socket + " " + tunnel.name,
	    () => new Tunnel(), (tunnel) => tunnel.card);
	const silent = status.errors
	    .map((item) => `${word(item.socket)}: ${word(item.error)}`);
	const words = processes
	    .map((process) => `version ${word(process.version)}, ` +
		`pid ${word(process.pid)}, up ${duration(process.uptime_ms)}` +
		(cannotReload(process) ?
		    `, reload ${word(process.reload)} until a restart` : ""))
	    .concat(silent);

	say(words.join("; ") || "no running socktopus was found",
	    processes.length === 0 || silent.length > 0 ||
	    processes.some(cannotReload) ? "bad" : "");
}

function cannotReload(process) {
	return process.reload !== undefined && process.reload !== "available";
}

function say(words, className) {
	const line = document.getElementById("state");

	line.textContent = words;
	line.className = className;
}

async function poll() {
	try {
		const answer = await fetch("status.json");

		// 503: the exporter runs, and tells that the service does not.
		if (!answer.ok && answer.status !== 503)
			throw new Error(answer.statusText);
		show(await answer.json());
	} catch (error) {
		say("the exporter does not answer: " + error.message, "bad");
	}
	setTimeout(poll, PERIOD_MS);
}

poll();
