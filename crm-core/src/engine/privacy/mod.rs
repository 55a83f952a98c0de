//! Privacy: what the file knows about a person, and its end.

#[cfg(test)]
mod inventory;
