//! Compiled programs of the rule language: expressions, ACLs, actions, log formats.
