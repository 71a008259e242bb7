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

  /* data-most-bytes: files that are together larger are not sent: the server would refuse them unread, and the choice be lost. */
  const isTooMuch = (form) => {
    const field = form.querySelector("input[type=file][data-most-bytes]");
    if (!field) return false;
    const bytes = [...field.files].reduce((sum, file) => sum + file.size, 0);
    const isSo = bytes > Number(field.dataset.mostBytes);
    field.setCustomValidity(isSo ? `合わせて約${Math.ceil(bytes / 1048576)}MBあります。60MBまでに分けてお送りください。` : "");
    return isSo && !field.reportValidity();
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
    if (isTooMuch(form)) { event.preventDefault(); return; }
    unsaved.delete(form);
    if (form.hasAttribute("data-forgets")) shelf.clear("");
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

  /* data-saving="#id of a template": a part of a form that htmx sends by itself. What did not arrive is said where it is said what
     is kept, and sent again with the next choice or when the line is back; the form's own button sends it all the same. */
  const notSent = new Set();
  const sendAgain = () => notSent.forEach((part) => part.dispatchEvent(new Event("change")));
  const failed = (event) => {
    const part = event.target.closest?.("[data-saving]");
    if (!part) return;
    if ([403, 404, 410].includes(event.detail.xhr?.status)) { location.reload(); return; } // says what has become of the link
    notSent.add(part);
    unsaved.add(part.form);
    event.detail.target.replaceChildren(document.querySelector(part.dataset.saving).content.cloneNode(true));
  };
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:responseError", failed);
  document.addEventListener("htmx:afterRequest", (event) => {
    const part = event.target.closest?.("[data-saving]");
    if (!part || !(event.detail.xhr.status >= 200 && event.detail.xhr.status < 300)) return;
    notSent.delete(part);
    if (notSent.size === 0) unsaved.delete(part.form); else sendAgain();
  });
  window.addEventListener("online", sendAgain);

  /* data-alone: a box that excludes all others of its name. Before htmx reads the form, hence while the event goes down. */
  document.addEventListener("change", ({ target }) => {
    if (target.type !== "checkbox" || !target.checked || !target.form) return;
    for (const other of target.form.querySelectorAll(`input[type=checkbox][name="${target.name}"]`)) {
      if (other !== target && ("alone" in target.dataset || "alone" in other.dataset)) other.checked = false;
    }
  }, true);

  /* data-says="id": whoever chooses this label reads there what was chosen, in the words of data-words or its own. */
  document.addEventListener("change", ({ target }) => {
    target.closest?.("label")?.querySelectorAll("[data-says]").forEach((words) => {
      const place = document.getElementById(words.dataset.says);
      if (place) place.textContent = words.dataset.words ?? words.textContent;
    });
  });

  /* data-all="a name": a box for all boxes of this name in its form; half chosen while only some are. */
  document.querySelectorAll("[data-all]").forEach((label) => {
    const all = label.querySelector("input");
    const boxes = [...all.form.querySelectorAll(`input[type=checkbox][name="${label.dataset.all}"]`)];
    const count = () => {
      const chosen = boxes.filter((box) => box.checked).length;
      all.checked = chosen === boxes.length;
      all.indeterminate = chosen > 0 && !all.checked;
    };
    all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
    all.form.addEventListener("change", count);
    count();
    label.hidden = false;
  });

  /* data-keep: what is typed into the form stays in this tab, whatever page is looked at in between, until a page with
     data-forget (="/a/path/ /b/": of forms below these) says that it has arrived or is given up. A field comes back where the server
     shows what it showed when it was typed over; data-keep="typed": the form came back with errors, and what stands in it was
     typed. data-keep-for: whose it is, so that it comes back for nobody else who signs in here; a form
     with data-forgets (signing out) ends it all. */
  const shelf = {
    read: (key) => { try { return JSON.parse(sessionStorage.getItem(key)) ?? {}; } catch { return {}; } },
    write: (key, value) => { try { sessionStorage.setItem(key, JSON.stringify(value)); } catch { /* full or forbidden: a comfort less */ } },
    clear: (path) => { try { Object.keys(sessionStorage).filter((key) => key.startsWith(`keep:${path}`)).forEach((key) => sessionStorage.removeItem(key)); } catch { /* as above */ } },
  };
  document.querySelectorAll("[data-forget]").forEach(({ dataset }) => dataset.forget.split(" ").forEach(shelf.clear));
  document.querySelectorAll("form[data-keep]").forEach((form) => {
    const key = `keep:${location.pathname}#${form.dataset.keepFor ?? ""}`, kept = shelf.read(key);
    const fields = [...form.elements].filter((field) => field.name && !["hidden", "checkbox", "radio", "submit"].includes(field.type));
    const shown = Object.fromEntries(fields.map((field) => [field.name, field.value]));
    const typed = form.dataset.keep === "typed";
    for (const field of fields) {
      const before = kept[field.name];
      if (typed) shown[field.name] = before?.shown ?? "";
      else if (before?.shown === field.value && before.value !== field.value) {
        field.value = before.value;
        if (guarded(form)) unsaved.add(form);
      }
    }
    const keep = () => shelf.write(key, Object.fromEntries(fields.map(({ name, value }) => [name, { shown: shown[name], value }])));
    if (typed) keep();
    form.addEventListener("input", keep);
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
