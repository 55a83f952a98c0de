//! The register of processing.

use super::Privacy;
use crate::{
    GetRegister, PartyRole, ProcessingRegister, Result, engine::Catalog,
    privacy::register::register,
};

impl Privacy<'_> {
    /// Makes the register of processing activities (GDPR art. 30 (1)) from the purposes and the retention
    /// rules: JSON, and the same as CSV. What the definitions do not say is named with each purpose.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such controller; `InvalidArgument` if the party is none.
    pub fn register(&self, request: &GetRegister) -> Result<ProcessingRegister> {
        self.crm.read_explained(|_, catalog| {
            if let Some(name) = &request.controller {
                catalog.book().party(name, PartyRole::Controller, "controller")?;
            }
            let (book, rules) = (catalog.book(), catalog.retentions());
            let attributes = |purpose: &str| attributes_of(catalog, purpose);
            Ok(register(book, rules, attributes, request.controller.as_deref()))
        })
    }
}

/// The names of the attributes whose values are processed for a purpose, archived ones included, for
/// their values are still in the file.
pub(super) fn attributes_of(catalog: &Catalog, purpose: &str) -> Vec<String> {
    let found = catalog.processed_for(purpose);
    found.map(|(owner, attribute)| format!("{owner}.{}", attribute.name())).collect()
}
