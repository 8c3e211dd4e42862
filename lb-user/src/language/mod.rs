//! What all of the language's rows share: words, locations, diagnostics, suggestions, row types.
