// SPDX-License-Identifier: GPL-3.0-or-later
// Plays the console of a report: screens that rhands has rendered already. All
// text goes into the page as text, never as HTML.
"use strict";
(function () {
	var data = JSON.parse(document.getElementById("cast").textContent);
	var screen = document.getElementById("screen");
	var cursor = document.getElementById("cursor");
	var play = document.getElementById("play");
	var seek = document.getElementById("seek");
	var speed = document.getElementById("speed");
	var skip = document.getElementById("skip");
	var clock = document.getElementById("clock");
	var key = document.getElementById("key");
	var mark = document.getElementById("mark");
	var events = document.querySelectorAll("#events tr[data-ms]");
	var frames = data.frames;
	var length = [frames, data.keys, data.marks].reduce(function (most, list) {
		return list.length ? Math.max(most, list[list.length - 1][0]) : most;
	}, Number(seek.max));
	var rows, lines = [], next, place;	// what is shown: frames before next
	var now = 0, playing = false, last = 0;

	var base = ["#000000", "#cd3131", "#0dbc79", "#e5e510", "#2472c8", "#bc3fbc", "#11a8cd", "#e5e5e5",
		"#666666", "#f14c4c", "#23d18b", "#f5f543", "#3b8eea", "#d670d6", "#29b8db", "#ffffff"];

	function color(c) {
		var level = function (n) { return n ? 55 + 40 * n : 0; };
		if (c < 0)
			return null;
		if (c >= 0x1000000)
			return "rgb(" + [c >> 16 & 255, c >> 8 & 255, c & 255] + ")";
		if (c < 16)
			return base[c];
		if (c >= 232)
			return "rgb(" + [8 + 10 * (c - 232), 8 + 10 * (c - 232), 8 + 10 * (c - 232)] + ")";
		c -= 16;
		return "rgb(" + [level(Math.floor(c / 36)), level(Math.floor(c / 6) % 6), level(c % 6)] + ")";
	}

	// Each has the room of two cells, whatever the font at hand makes of it.
	function wide(s, text) {
		Array.from(text).forEach(function (c) {
			var cell = document.createElement("span");
			cell.className = "wide";
			cell.textContent = c;
			s.appendChild(cell);
		});
	}

	function span(style, text) {
		var s = document.createElement("span");
		var attributes = data.styles[style][0];
		var fg = color(data.styles[style][1]), bg = color(data.styles[style][2]);
		if (attributes & 16)
			wide(s, text);
		else
			s.textContent = text;
		if (attributes & 2) {
			var swap = fg || "#d8d8d8";
			fg = bg || "#101010";
			bg = swap;
		}
		if (fg)
			s.style.color = fg;
		if (bg)
			s.style.backgroundColor = bg;
		if (attributes & 1)
			s.style.fontWeight = "bold";
		if (attributes & 4)
			s.style.textDecoration = "underline";
		return s;
	}

	function restart() {
		var i;
		rows = [];
		for (i = 0; i < data.rows; i++)
			rows.push([]);
		next = 0;
		place = [0, 0];
	}

	function apply(frame) {
		var i;
		for (i = 0; i < frame[3]; i++) {
			rows.shift();
			rows.push([]);
		}
		for (i = 4; i < frame.length; i++)
			rows[frame[i][0]] = frame[i][1];
		place = [frame[1], frame[2]];
	}

	function draw() {
		var i, j;
		for (i = 0; i < data.rows; i++) {
			if (lines[i].shown === rows[i])
				continue;
			lines[i].shown = rows[i];
			lines[i].textContent = "";
			for (j = 0; j < rows[i].length; j += 2)
				lines[i].appendChild(span(rows[i][j], rows[i][j + 1]));
		}
		cursor.style.left = place[1] + "ch";
		cursor.style.top = place[0] * 1.25 + "em";
	}

	// The last of a list of [ms, text] that is not later, or nothing.
	function latest(list, ms) {
		var low = 0, high = list.length;
		while (low < high) {
			var middle = (low + high) >> 1;
			if (list[middle][0] <= ms)
				low = middle + 1;
			else
				high = middle;
		}
		return low ? list[low - 1][1] : "";
	}

	function two(n) {
		return (n < 10 ? "0" : "") + n;
	}

	function time(ms) {
		return Math.floor(ms / 60000) + ":" + two(Math.floor(ms / 1000) % 60);
	}

	function show(ms) {
		var i, at = -1;
		now = Math.max(0, Math.min(ms, length));
		if (next > 0 && frames[next - 1][0] > now)
			restart();
		while (next < frames.length && frames[next][0] <= now)
			apply(frames[next++]);
		draw();
		seek.value = now;
		clock.textContent = time(now) + " / " + time(length);
		key.textContent = latest(data.keys, now);
		mark.textContent = latest(data.marks, now);
		for (i = 0; i < events.length; i++) {
			if (Number(events[i].dataset.ms) <= now)
				at = i;
			events[i].classList.remove("now");
		}
		if (at >= 0)
			events[at].classList.add("now");
		screen.dataset.ms = Math.round(now);
	}

	function tick() {
		var stamp = performance.now(), then;
		if (!playing)
			return;
		then = now + (stamp - last) * Number(speed.value);
		last = stamp;
		// a long silence is cut to a second
		if (skip.checked && next < frames.length && frames[next][0] - then > 1000 * speed.value)
			then = Math.max(then, frames[next][0] - 1000 * speed.value);
		show(then);
		if (now >= length)
			stop();
		else
			setTimeout(tick, 40);
	}

	function stop() {
		playing = false;
		play.textContent = "Play";
	}

	function start() {
		if (now >= length)
			show(0);
		playing = true;
		play.textContent = "Pause";
		last = performance.now();
		setTimeout(tick, 40);
	}

	(function () {
		var i;
		for (i = 0; i < data.rows; i++) {
			lines.push(document.createElement("div"));
			screen.insertBefore(lines[i], cursor);
		}
		screen.style.width = data.cols + "ch";
		seek.max = length;
		restart();
	})();
	play.addEventListener("click", function () {
		if (playing)
			stop();
		else
			start();
	});
	seek.addEventListener("input", function () {
		show(Number(seek.value));
	});
	events.forEach(function (row) {
		row.addEventListener("click", function () {
			show(Number(row.dataset.ms));
		});
	});
	document.addEventListener("keydown", function (e) {
		if (e.key !== " " || e.target !== document.body)
			return;
		e.preventDefault();
		play.click();
	});
	// "#t=7500": at that time; else the end, which is what it came to.
	show(/^#t=\d+$/.test(location.hash) ? Number(location.hash.slice(3)) : length);
})();
