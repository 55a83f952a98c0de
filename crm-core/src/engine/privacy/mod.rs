//! Privacy: what the file knows about a person, and its end.

mod access;
#[cfg(test)]
mod inventory;
mod register;

use super::Crm;

/// What the file knows about people: see [`Crm::privacy`].
#[derive(Debug)]
pub struct Privacy<'a> {
    crm: &'a Crm,
}

impl<'a> Privacy<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }
}
