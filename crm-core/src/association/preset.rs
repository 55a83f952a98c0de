//! Ready-made types of associations. They are plain definitions: a host may change them or define
//! its own.

use serde::{Deserialize, Serialize};

use super::DefineAssociationType;
use crate::ChoiceOption;

/// A ready-made type of associations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AssociationPreset {
    /// A contact works for a company, in a role.
    EmployedBy,
    /// A company belongs to another: a hierarchy with one parent at a time.
    ParentCompany,
    /// A contact takes part in a deal, as one who decides, uses, holds the budget and so on.
    ParticipatesIn,
    /// A contact lives in a household.
    MemberOf,
    /// A contact was won through another: a hierarchy.
    ReferredBy,
    /// A note or a task is about a contact, a company or a deal.
    About,
}

impl AssociationPreset {
    /// Every preset.
    pub const ALL: &'static [Self] = &[
        Self::EmployedBy,
        Self::ParentCompany,
        Self::ParticipatesIn,
        Self::MemberOf,
        Self::ReferredBy,
        Self::About,
    ];

    /// The name of the preset, which is the name of the type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EmployedBy => "employed_by",
            Self::ParentCompany => "parent_company",
            Self::ParticipatesIn => "participates_in",
            Self::MemberOf => "member_of",
            Self::ReferredBy => "referred_by",
            Self::About => "about",
        }
    }

    /// The definition.
    ///
    /// ```
    /// use crm_core::AssociationPreset;
    ///
    /// assert_eq!(AssociationPreset::ParentCompany.definition().max_outgoing, Some(1));
    /// ```
    #[must_use]
    pub fn definition(self) -> DefineAssociationType {
        let (label, inverse_label) = match self {
            Self::EmployedBy => ("Works for", "Employs"),
            Self::ParentCompany => ("Belongs to", "Owns"),
            Self::ParticipatesIn => ("Takes part in", "Has as participant"),
            Self::MemberOf => ("Lives in", "Has as member"),
            Self::ReferredBy => ("Was referred by", "Referred"),
            Self::About => ("Is about", "Is the subject of"),
        };
        let (from, to): (&[&str], &[&str]) = match self {
            Self::EmployedBy => (&["contact"], &["company"]),
            Self::ParentCompany => (&["company"], &["company"]),
            Self::ParticipatesIn => (&["contact"], &["deal"]),
            Self::MemberOf => (&["contact"], &["household"]),
            Self::ReferredBy => (&["contact"], &["contact"]),
            Self::About => (&["note", "task"], &["contact", "company", "deal"]),
        };
        let definition = DefineAssociationType {
            label: label.into(),
            inverse_label: inverse_label.into(),
            ..DefineAssociationType::new(self.name(), from.iter().copied(), to.iter().copied())
        };
        match self {
            Self::ParentCompany => {
                DefineAssociationType { max_outgoing: Some(1), is_hierarchy: true, ..definition }
            }
            Self::ParticipatesIn => DefineAssociationType { roles: buying_roles(), ..definition },
            Self::ReferredBy => DefineAssociationType { is_hierarchy: true, ..definition },
            Self::EmployedBy | Self::MemberOf | Self::About => definition,
        }
    }
}

fn buying_roles() -> Vec<ChoiceOption> {
    [
        ("decision_maker", "Decision maker"),
        ("budget_holder", "Budget holder"),
        ("champion", "Champion"),
        ("influencer", "Influencer"),
        ("end_user", "End user"),
        ("blocker", "Blocker"),
    ]
    .map(|(value, label)| ChoiceOption { label: label.into(), ..ChoiceOption::new(value) })
    .into()
}

/// Adds one of the ready-made types of associations: the request of
/// `association_types.define_preset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefineAssociationPreset {
    /// Which one.
    pub preset: AssociationPreset,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::association::AssociationModel;

    #[test]
    fn every_preset_is_a_valid_definition() {
        for preset in AssociationPreset::ALL {
            let model = AssociationModel::define(None, preset.definition()).unwrap().0;
            assert_eq!(model.name(), preset.name());
        }
    }
}
