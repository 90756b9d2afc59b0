"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  // Search: rules with every word. The verdict filter is CSS and applies in addition.
  const search = document.getElementById("search");
  const rules = [...document.querySelectorAll(".rule")];
  const shown = document.getElementById("shown");
  const noRule = document.getElementById("no-rule");
  const texts = rules.map((rule) =>
    (rule.textContent + " " + rule.closest(".area").querySelector("h3").textContent).toLowerCase());
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = document.querySelector("input[name=verdict]:checked").value;
    rules.forEach((rule, index) => {
      rule.hidden = !words.every((word) => texts[index].includes(word));
    });
    let visible = 0;
    for (const area of document.querySelectorAll(".area")) {
      const here = [...area.querySelectorAll(".rule")].filter((rule) =>
        !rule.hidden && (!chosen || rule.dataset.verdict === chosen)).length;
      area.hidden = here === 0;
      visible += here;
    }
    shown.textContent = words.length || chosen ? visible + (visible === 1 ? " rule" : " rules") : "";
    noRule.hidden = visible > 0;
  };
  if (search) {
    search.form.addEventListener("submit", (event) => event.preventDefault());
    search.form.addEventListener("input", filter);
    filter();
  }

  // A link to a rule that the filters hide shows it again.
  window.addEventListener("hashchange", () => {
    const target = document.getElementById(location.hash.slice(1));
    if (search && target && target.matches(".rule") && target.offsetParent === null) {
      search.form.reset();
      filter();
      target.scrollIntoView();
    }
  });

  // Copying, with the old API where a page from a file may not use the new one.
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "offscreen";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const done = await copy(button.parentElement.querySelector("code").textContent);
      button.focus();
      button.textContent = done ? "Copied" : "Not copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  document.getElementById("save").addEventListener("click", () => {
    const value = JSON.parse(document.getElementById("outcome").textContent);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(value, null, 2) + "\n"], { type: "application/json" }));
    link.download = "report.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  // Print everything unfolded.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => folded.forEach((part) => { part.open = false; }));
})();
