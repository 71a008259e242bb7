/* The house's own JavaScript. Every page works without it; each block adds one comfort and is asked for by a data- attribute. */
(() => {
  "use strict";

  /* data-once: a form is sent once. The button is switched off only after the browser has collected the fields,
     so that its own name and value are still sent. The server is idempotent as well; this only calms the hand. */
  const STAYS_ON_THE_PAGE_MS = 15000; // an answer that is a file leaves the page standing: let it be sent again
  const buttonsOf = (form) => [...form.elements].filter((field) => field.type === "submit");
  const wake = (form) => {
    for (const button of buttonsOf(form)) {
      if (button.dataset.asleep) { delete button.dataset.asleep; button.disabled = false; }
    }
    form.removeAttribute("aria-busy");
  };
  const sleep = (form) => {
    for (const button of buttonsOf(form)) {
      if (!button.disabled) { button.dataset.asleep = "1"; button.disabled = true; }
    }
    form.setAttribute("aria-busy", "true");
  };

  /* data-unsaved: leaving with words that were typed and not sent asks first. data-unsaved="yes" says that the form came
     back with errors: what stands in it is not saved yet. */
  const unsaved = new Set(document.querySelectorAll('form[data-unsaved="yes"]'));
  const guarded = (target) => target.closest?.("form[data-unsaved]");

  document.addEventListener("input", (event) => {
    const form = guarded(event.target);
    if (form) unsaved.add(form);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented) return; // htmx sends it: its own events say when it is done
    unsaved.delete(form);
    if (!form.hasAttribute("data-once")) return;
    if (form.getAttribute("aria-busy") === "true") { event.preventDefault(); return; }
    setTimeout(() => sleep(form));
    setTimeout(() => wake(form), STAYS_ON_THE_PAGE_MS);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = guarded(event.target);
    if (form && event.detail.successful) unsaved.delete(form);
  });
  window.addEventListener("beforeunload", (event) => {
    if ([...unsaved].some((form) => form.isConnected)) event.preventDefault();
  });
  window.addEventListener("pageshow", () => { // also when the browser brings the page back from its memory
    document.querySelectorAll('form[data-once][aria-busy="true"]').forEach(wake);
  });

  /* data-copy="#id of an input": copies what stands in it and says so in the neighbouring status. */
  document.querySelectorAll("button[data-copy]").forEach((button) => {
    if (!navigator.clipboard) return; // the button stays hidden; the text can still be marked by hand
    button.hidden = false;
    button.addEventListener("click", async () => {
      const field = document.querySelector(button.dataset.copy);
      const status = button.closest(".copy-field").querySelector("[role=status]");
      try {
        await navigator.clipboard.writeText(field.value);
        status.textContent = "コピーしました";
      } catch {
        field.select();
        status.textContent = "選びました。長押し、または右クリックでコピーしてください";
      }
    });
  });
})();
