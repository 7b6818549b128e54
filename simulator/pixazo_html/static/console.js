// What the pages of the console do beyond htmx: copy a text, show the words of a row of the timeline, go to the search with a key.
addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.parentElement.querySelector("pre");
  // Browsers give the clipboard to pages of this machine only; elsewhere the text is selected.
  if (navigator.clipboard) await navigator.clipboard.writeText(text.textContent);
  else return getSelection().selectAllChildren(text);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
});
for (const kind of ["mouseover", "focusin"])
  addEventListener(kind, (event) => {
    const row = event.target.closest?.("[data-tip]");
    const tip = document.getElementById("tip");
    if (row && tip) tip.textContent = row.dataset.tip;
  });
addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const wanted = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (wanted) {
    event.preventDefault();
    wanted.focus();
  }
});
