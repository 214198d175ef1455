//! CNI documents.
