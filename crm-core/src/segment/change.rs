//! What the journal keeps of a member that came or went.

use serde::{Deserialize, Serialize};

use super::MemberCause;
use crate::{Error, ErrorKind, RecordId, RecordRef, Result, Timestamp};

/// The body of a change that makes a record a member, or no longer one; its kind says which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemberBody {
    pub(crate) segment: String,
    #[serde(rename = "type")]
    pub(crate) entity_type: String,
    pub(crate) id: RecordId,
    pub(crate) at: Timestamp,
    pub(crate) cause: MemberCause,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) activity: Option<RecordId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<RecordRef>,
}

impl MemberBody {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a body is always JSON")
    }

    /// # Errors
    ///
    /// `Corrupt` if the text is not what [`Self::to_json`] writes.
    pub(crate) fn read(json: &str) -> Result<Self> {
        serde_json::from_str(json)
            .map_err(|_| Error::new(ErrorKind::Corrupt, "a row of the journal cannot be read"))
    }
}
