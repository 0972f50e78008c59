// Sentences of scripts in the page's language: a page that is not in English brings them as JSON, by their English.
{
  const brought = document.getElementById("page-words");
  const words = brought ? JSON.parse(brought.textContent) : {};

  /** Return an English sentence in the page's language, with facts where it names them in braces. */
  globalThis.translated = (sentence, facts = {}) =>
    (words[sentence] ?? sentence).replace(/\{(\w+)\}/g, (all, name) => facts[name] ?? all);
}
