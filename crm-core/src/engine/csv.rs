//! CSV tables in and out.
use super::Crm;
use crate::{ExportCsv, ExportReport, ImportCsv, ImportReport, MappingProposal, ProposeMapping, Result, ops::Watch};

impl Crm {
    /// Imports.
    pub fn import_csv(&self, _: &ImportCsv, _: &mut Watch<'_>) -> Result<ImportReport> {
        Err(crate::Error::new(crate::ErrorKind::Internal, "csv"))
    }
    /// Exports.
    pub fn export_csv(&self, _: &ExportCsv, _: &mut Watch<'_>) -> Result<ExportReport> {
        Err(crate::Error::new(crate::ErrorKind::Internal, "csv"))
    }
    /// Proposes.
    pub fn propose_mapping(&self, _: &ProposeMapping) -> Result<MappingProposal> {
        Err(crate::Error::new(crate::ErrorKind::Internal, "csv"))
    }
}
