// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors
//
// A small view of a periodic structure on a canvas: atoms as shaded discs, bonds, tetrahedra and the cell, sorted by depth.
"use strict";
(() => {
  const looks = {
    Li: { color: [122, 92, 196], radius: 0.42 }, P: { color: [224, 123, 57], radius: 0.38 }, S: { color: [217, 179, 16], radius: 0.48 },
    Si: { color: [77, 126, 168], radius: 0.42 }, Ge: { color: [77, 126, 168], radius: 0.42 }, Cl: { color: [63, 155, 79], radius: 0.5 },
    Na: { color: [122, 92, 196], radius: 0.48 }, K: { color: [122, 92, 196], radius: 0.55 }, Ag: { color: [141, 153, 174], radius: 0.45 },
    Sb: { color: [224, 123, 57], radius: 0.42 }, As: { color: [224, 123, 57], radius: 0.42 }, Sn: { color: [77, 126, 168], radius: 0.44 },
    W: { color: [47, 111, 115], radius: 0.42 }, B: { color: [77, 126, 168], radius: 0.34 }, Al: { color: [77, 126, 168], radius: 0.42 },
    O: { color: [200, 69, 61], radius: 0.42 }, N: { color: [53, 102, 168], radius: 0.42 }, Se: { color: [217, 179, 16], radius: 0.52 },
    I: { color: [138, 79, 125], radius: 0.58 }, Br: { color: [138, 79, 125], radius: 0.54 }, F: { color: [63, 155, 79], radius: 0.4 },
  };
  const other = { color: [120, 130, 140], radius: 0.45 };
  const look = symbol => looks[symbol] || other;
  const shade = (color, share) => `rgb(${color.map(c => Math.round(c + (255 - c) * share)).join(",")})`;
  const add = (a, b, s = 1) => [a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]];

  function edgesOf(cell) {
    const corner = n => [0, 1, 2].reduce((sum, axis) => add(sum, cell[axis], (n >> axis) & 1), [0, 0, 0]);
    const edges = [];
    for (let n = 0; n < 8; n++) for (let axis = 0; axis < 3; axis++)
      if (!((n >> axis) & 1)) edges.push([corner(n), corner(n | (1 << axis))]);
    return edges;
  }

  // Faces of tetrahedra: formers with exactly four bonded ligands.
  function facesOf(data) {
    const bonded = data.symbols.map(() => []);
    for (const [a, b] of data.bonds) { bonded[a].push(b); bonded[b].push(a); }
    const faces = [];
    data.symbols.forEach((symbol, atom) => {
      const corners = bonded[atom].filter(other => data.ligands.includes(data.symbols[other]));
      if (!data.formers.includes(symbol) || corners.length !== 4) return;
      for (let left = 0; left < 4; left++) faces.push({ corners: corners.filter((_, i) => i !== left), color: look(symbol).color });
    });
    return faces;
  }

  function start(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const canvas = figure.querySelector("canvas"), pen = canvas.getContext("2d");
    const middle = data.cell.reduce((sum, row) => add(sum, row, 0.5), [0, 0, 0]);
    const points = data.positions.map(p => add(p, middle, -1));
    const edges = edgesOf(data.cell).map(edge => edge.map(p => add(p, middle, -1)));
    const faces = facesOf(data);
    const reach = Math.max(...edges.flat().map(p => Math.hypot(...p)));
    const shown = Object.fromEntries([...new Set(data.symbols)].map(symbol => [symbol, true]));
    shown.tetrahedra = faces.length > 0;
    const byGrade = "extrapolation grade";
    if (data.grades.length) shown[byGrade] = false;
    // Extrapolation grades: gray at 0, blue at 0.5, red from 1, where an atom is unlike what its model knows.
    function gradeColor(grade) {
      const stops = [[200, 205, 210], [53, 102, 168], [200, 69, 61]], at = 2 * Math.min(1, grade), low = Math.min(1, Math.floor(at));
      return stops[low].map((value, k) => value + (at - low) * (stops[low + 1][k] - value));
    }
    let turn, zoom;
    const reset = () => { turn = rotation(0.42, 0.3); zoom = 1; };

    function rotation(yaw, pitch) {
      const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
      return [[cy, 0, sy], [sp * sy, cp, -sp * cy], [-cp * sy, sp, cp * cy]];
    }
    const apply = p => turn.map(row => row[0] * p[0] + row[1] * p[1] + row[2] * p[2]);
    function turnBy(yaw, pitch) {
      const step = rotation(yaw, pitch);
      turn = step.map(row => [0, 1, 2].map(k => row[0] * turn[0][k] + row[1] * turn[1][k] + row[2] * turn[2][k]));
      draw();
    }

    function draw() {
      const scale = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
      if (!width) return;
      canvas.width = width * scale; canvas.height = height * scale;
      pen.setTransform(scale, 0, 0, scale, 0, 0);
      pen.clearRect(0, 0, width, height);
      const unit = zoom * Math.min(width, height) / (2.15 * reach), far = 4.5 * reach;
      const project = p => {
        const [x, y, z] = apply(p), near = far / (far - z);
        return { x: width / 2 + unit * near * x, y: height / 2 - unit * near * y, z, near };
      };
      const seen = points.map(project), list = [];
      for (const edge of edges) {
        const [a, b] = edge.map(project);
        list.push({ z: (a.z + b.z) / 2 - 0.5, paint: () => line(a, b, 1, "#8b98a5") });
      }
      for (const [i, j] of data.bonds) {
        if (!shown[data.symbols[i]] || !shown[data.symbols[j]]) continue;
        const a = seen[i], b = seen[j], half = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
        const thick = Math.max(1, 0.16 * unit * a.near);
        list.push({ z: (3 * a.z + b.z) / 4, paint: () => line(a, half, thick, tone(data.symbols[i], a.z)) });
        list.push({ z: (a.z + 3 * b.z) / 4, paint: () => line(half, b, thick, tone(data.symbols[j], b.z)) });
      }
      if (shown.tetrahedra) for (const face of faces) {
        const corners = face.corners.map(atom => seen[atom]);
        list.push({ z: (corners[0].z + corners[1].z + corners[2].z) / 3, paint: () => {
          pen.beginPath(); corners.forEach((p, n) => n ? pen.lineTo(p.x, p.y) : pen.moveTo(p.x, p.y)); pen.closePath();
          pen.globalAlpha = 0.2; pen.fillStyle = shade(face.color, 0.1); pen.fill(); pen.globalAlpha = 1;
        } });
      }
      data.symbols.forEach((symbol, atom) => {
        if (shown[symbol]) list.push({ z: seen[atom].z, paint: () => ball(seen[atom], symbol, shown[byGrade] ? gradeColor(data.grades[atom]) : look(symbol).color) });
      });
      list.sort((a, b) => a.z - b.z).forEach(item => item.paint());

      function fog(z) { return Math.min(0.75, Math.max(0, 0.38 * (1 - z / reach))); }
      function tone(symbol, z) { return shade(look(symbol).color, fog(z)); }
      function line(a, b, thick, color) {
        pen.beginPath(); pen.moveTo(a.x, a.y); pen.lineTo(b.x, b.y); pen.lineWidth = thick; pen.strokeStyle = color; pen.stroke();
      }
      function ball(p, symbol, color) {
        const { radius } = look(symbol), r = Math.max(1.5, radius * unit * p.near), pale = fog(p.z);
        const glow = pen.createRadialGradient(p.x - 0.35 * r, p.y - 0.35 * r, 0.1 * r, p.x, p.y, r);
        glow.addColorStop(0, shade(color, pale + (1 - pale) * 0.65)); glow.addColorStop(1, shade(color, pale));
        pen.beginPath(); pen.arc(p.x, p.y, r, 0, 2 * Math.PI); pen.fillStyle = glow; pen.fill();
        pen.lineWidth = 0.6; pen.strokeStyle = `rgba(31,43,54,${0.55 * (1 - pale)})`; pen.stroke();
      }
    }

    const held = new Map();
    canvas.addEventListener("pointerdown", event => { held.set(event.pointerId, event); canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", event => {
      const before = held.get(event.pointerId);
      if (!before) return;
      if (held.size === 1) turnBy((event.clientX - before.clientX) * 0.01, (event.clientY - before.clientY) * 0.01);
      else {
        const other = [...held.values()].find(e => e.pointerId !== event.pointerId);
        const gap = e => Math.hypot(e.clientX - other.clientX, e.clientY - other.clientY);
        zoomBy(gap(event) / Math.max(1, gap(before)));
      }
      held.set(event.pointerId, event);
    });
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) canvas.addEventListener(kind, event => held.delete(event.pointerId));
    const zoomBy = factor => { zoom = Math.min(6, Math.max(0.4, zoom * factor)); draw(); };
    // A plain wheel scrolls the page; with Ctrl (which a trackpad's pinch reports too) it zooms.
    canvas.addEventListener("wheel", event => { if (event.ctrlKey) { event.preventDefault(); zoomBy(Math.exp(-event.deltaY * 0.002)); } }, { passive: false });
    canvas.addEventListener("dblclick", () => { reset(); draw(); });
    canvas.addEventListener("keydown", event => {
      const turns = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
      if (turns) { event.preventDefault(); turnBy(...turns); }
      if (event.key === "+") zoomBy(1.1);
      if (event.key === "-") zoomBy(1 / 1.1);
    });

    const controls = figure.querySelector(".controls");
    for (const name of Object.keys(shown)) {
      if (name === "tetrahedra" && !faces.length) continue;
      const label = document.createElement("label"), box = document.createElement("input"), dot = document.createElement("span");
      box.type = "checkbox"; box.checked = shown[name];
      box.addEventListener("change", () => { shown[name] = box.checked; draw(); });
      label.append(box);
      if (name !== "tetrahedra" && name !== byGrade) { dot.className = "swatch"; dot.style.background = shade(look(name).color, 0); label.append(dot); }
      label.append(name === byGrade ? `${name} (largest ${Math.max(...data.grades)}; red from 1)` : name);
      controls.append(label);
    }
    reset();
    new ResizeObserver(draw).observe(canvas);
    draw();
  }
  document.querySelectorAll(".view").forEach(start);

  // The pictures are in the file once; their links take them from the page.
  for (const link of document.querySelectorAll("a[data-picture]")) link.href = link.closest("figure").querySelector("img").src;
})();
