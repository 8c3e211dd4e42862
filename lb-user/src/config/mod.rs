//! From text to `Plan`: lex, condition, section, rows, link.
