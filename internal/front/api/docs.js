"use strict";
const at = (id) => document.getElementById(id);
at("ask").hidden = false;
at("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const method = at("method").value;
  const headers = {};
  if (at("key").value) headers["Idempotency-Key"] = at("key").value;
  let body;
  if (method !== "GET" && at("body").value.trim()) {
    body = at("body").value;
    headers["Content-Type"] = "application/json";
  }
  const answer = at("answer");
  answer.hidden = false;
  try {
    const response = await fetch(at("path").value, { method, headers, body });
    const replayed = response.headers.get("Idempotency-Replayed") ? "Idempotency-Replayed: true\n" : "";
    answer.textContent = response.status + " " + response.statusText + "\n" + replayed + (await response.text());
  } catch (error) {
    answer.textContent = String(error);
  }
});
