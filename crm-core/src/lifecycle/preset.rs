//! Ready-made lifecycles. They are plain definitions: a host may change them or define its own.

use serde::{Deserialize, Serialize};

use super::{DefineLifecycle, Stage, StageKind};

/// A ready-made lifecycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum LifecyclePreset {
    /// A contact on its way from subscriber to advocate, with the side states disqualified, lost,
    /// churned, dormant and other. Nobody stands anywhere until a move or a trigger of the host's says so.
    Contact,
    /// A deal from prospecting to won or lost, with probabilities. A new deal is prospecting.
    Deal,
}

impl LifecyclePreset {
    /// Every preset.
    pub const ALL: &'static [Self] = &[Self::Contact, Self::Deal];

    /// The name of the preset, which is the name of the lifecycle and of its entity type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Deal => "deal",
        }
    }

    /// The definition.
    ///
    /// ```
    /// use crm_core::LifecyclePreset;
    ///
    /// let contact = LifecyclePreset::Contact.definition();
    /// assert_eq!(contact.stages[2].name, "mql");
    /// ```
    #[must_use]
    pub fn definition(self) -> DefineLifecycle {
        let (label, stages) = match self {
            Self::Contact => ("Contact", contact()),
            Self::Deal => ("Deal", deal()),
        };
        let initial = (self == Self::Deal).then(|| stages[0].name.clone());
        let label = label.into();
        DefineLifecycle { label, initial, ..DefineLifecycle::new(self.name(), self.name(), stages) }
    }
}

fn stage(name: &str, label: &str, kind: StageKind) -> Stage {
    Stage { label: label.into(), ..Stage::new(name).kind(kind) }
}

fn contact() -> Vec<Stage> {
    use StageKind::{Lost, Open, Side, Won};
    vec![
        stage("subscriber", "Subscriber", Open),
        stage("lead", "Lead", Open),
        stage("mql", "Marketing qualified lead", Open),
        stage("sql", "Sales qualified lead", Open),
        stage("opportunity", "Opportunity", Open),
        stage("customer", "Customer", Won),
        stage("advocate", "Advocate", Won),
        stage("disqualified", "Disqualified", Lost),
        Stage { automatic_exit: true, ..stage("lost", "Lost", Lost) },
        Stage { automatic_exit: true, ..stage("churned", "Churned", Lost) },
        Stage { automatic_exit: true, ..stage("dormant", "Dormant", Side) },
        stage("other", "Other", Side),
    ]
}

fn deal() -> Vec<Stage> {
    let open = |name: &str, label: &str, probability| Stage {
        probability: Some(probability),
        ..stage(name, label, StageKind::Open)
    };
    let reasons = [
        "price",
        "competitor",
        "no_budget",
        "no_decision",
        "no_need",
        "timing",
        "no_answer",
        "other",
    ];
    vec![
        open("prospecting", "Prospecting", 0.1),
        open("qualification", "Qualification", 0.2),
        open("proposal", "Proposal", 0.5),
        open("negotiation", "Negotiation", 0.8),
        Stage { kind: StageKind::Won, ..open("won", "Won", 1.0) },
        Stage {
            kind: StageKind::Lost,
            reasons: reasons.map(Into::into).into(),
            ..open("lost", "Lost", 0.0)
        },
    ]
}

/// Defines one of the ready-made lifecycles: the request of `lifecycles.define_preset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefineLifecyclePreset {
    /// Which one.
    pub preset: LifecyclePreset,
}
