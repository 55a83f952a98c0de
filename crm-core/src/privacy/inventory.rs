//! Every table of the file: how its rows belong to a person, what access shows of them, and what
//! becomes of them when the person is erased.
//!
//! Access and erasure are made from this list and from nothing beside it, but for rows of the
//! journal about others that say more of a person than the id: an erasure looks for them by what
//! joined the two. The invariant: each table of a file matches exactly one entry, and each column
//! that may hold the id of a record is named in it.
//! Texts that somebody typed about somebody else are not known here: no table can tell whom they mean.

/// The tables of one sort.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// Which tables.
    pub(crate) name: Name,
    /// How a row belongs to a person; any one of these suffices. None if rows belong to nobody.
    pub(crate) ways: &'static [Way],
    /// Columns that may name the person in a row that belongs to somebody else, by a random id.
    #[cfg_attr(not(test), allow(dead_code, reason = "a test holds it against the file"))]
    pub(crate) mentions: &'static [&'static str],
    /// What access shows.
    pub(crate) access: Access,
    /// What erasure does.
    pub(crate) erasure: Erasure,
}

impl Entry {
    /// Whether it is about this table.
    pub(crate) fn is_of(&self, table: &str) -> bool {
        of_table(table).is_some_and(|entry| entry.name == self.name)
    }
}

/// Which tables an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// The table of this name.
    Exactly(&'static str),
    /// The tables of entity types.
    EntityType,
    /// The properties of a kind of activity: `crm_activity_<kind>`.
    ActivityKind,
    /// The attributes of a type of associations: `crm_association_<type>`.
    AssociationType,
}

/// How a row belongs to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// This column holds the id of the record, 16 bytes.
    Record(&'static str),
    /// This column holds what the column `key` holds in a row of `parent` that belongs to the person.
    Through {
        /// The column of this table.
        column: &'static str,
        /// The other table.
        parent: &'static str,
        /// The column of the other table.
        key: &'static str,
    },
    /// This column holds JSON that names the record at this path by the text of its id; where kinds
    /// are named, in rows of the journal of these kinds.
    Json {
        /// The column.
        column: &'static str,
        /// The path, as SQLite writes it.
        path: &'static str,
        /// The kinds of changes of the journal; none in other tables.
        kinds: &'static [&'static str],
    },
    /// A row of the journal about a visitor who turned out to be the person.
    Visitor,
    /// Rows of stored bytes that a value of the person names by their hash, and no other value.
    File,
    /// A part of the index of words, which SQLite keeps as the rows of `crm_search` say.
    Index,
}

/// What access shows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The rows of the person, whole.
    Whole,
    /// Nothing, for this reason.
    Nothing(&'static str),
}

/// What erasure does with the rows of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Erasure {
    /// They go.
    Deleted,
    /// Their content goes; this stays.
    Redacted(&'static str),
    /// They stay, for this reason.
    Kept(&'static str),
}

/// Kinds of changes that name two records in their body.
pub(crate) const OF_LINKS: &[&str] = &["people_linked", "people_unlinked"];

/// Kinds of changes that the journal has under the id of a rule, with the record in their body.
pub(crate) const OF_RULES: &[&str] = &["event_emitted", "rule_ran", "rule_skipped"];

const DEFINITIONS: Access = Access::Nothing("definitions are about no person");
const KEPT_DEFINITIONS: Erasure = Erasure::Kept("definitions are about no person");
const FOLLOWS: Access = Access::Nothing("it follows from rows that are shown");

const fn definitions(name: &'static str) -> Entry {
    Entry {
        name: Name::Exactly(name),
        ways: &[],
        mentions: &[],
        access: DEFINITIONS,
        erasure: KEPT_DEFINITIONS,
    }
}

const fn deleted(name: Name, ways: &'static [Way], access: Access) -> Entry {
    Entry { name, ways, mentions: &[], access, erasure: Erasure::Deleted }
}

const fn index(name: &'static str) -> Entry {
    deleted(Name::Exactly(name), &[Way::Index], FOLLOWS)
}

const BY_RECORD: &[Way] = &[Way::Record("record_id")];
const BY_SUBJECT: &[Way] = &[Way::Record("subject_id")];

const fn through(column: &'static str, parent: &'static str, key: &'static str) -> Way {
    Way::Through { column, parent, key }
}

/// The inventory. Where rows go, they go in this order: those that hang on others come before them.
pub(crate) const INVENTORY: &[Entry] = &[
    // What hangs on other rows of the person.
    index("crm_search_config"),
    index("crm_search_content"),
    index("crm_search_data"),
    index("crm_search_docsize"),
    index("crm_search_idx"),
    deleted(Name::Exactly("crm_search"), &[through("rowid", "crm_searched", "seq")], FOLLOWS),
    deleted(
        Name::Exactly("crm_searched"),
        &[through("seq", "crm_activity", "seq"), through("seq", "crm_journal", "seq")],
        FOLLOWS,
    ),
    deleted(Name::ActivityKind, &[through("seq", "crm_activity", "seq")], Access::Whole),
    deleted(Name::AssociationType, &[through("seq", "crm_association", "seq")], Access::Whole),
    Entry {
        name: Name::Exactly("crm_activity_link"),
        ways: &[Way::Record("record_id"), through("seq", "crm_activity", "seq")],
        mentions: &[],
        access: Access::Whole,
        erasure: Erasure::Deleted,
    },
    deleted(Name::Exactly("crm_choice"), BY_RECORD, FOLLOWS),
    deleted(
        Name::Exactly("crm_timer"),
        BY_RECORD,
        Access::Nothing("it says when the engine looks again, not what is known"),
    ),
    deleted(Name::Exactly("crm_score"), BY_RECORD, Access::Whole),
    deleted(Name::Exactly("crm_segment_member"), BY_RECORD, Access::Whole),
    deleted(Name::Exactly("crm_consent_permit"), BY_SUBJECT, FOLLOWS),
    deleted(Name::Exactly("crm_consent_block"), BY_SUBJECT, FOLLOWS),
    deleted(
        Name::Exactly("crm_consent_request"),
        &[Way::Json { column: "body", path: "$.subject.id", kinds: &[] }],
        Access::Whole,
    ),
    deleted(Name::Exactly("crm_consent_link"), BY_SUBJECT, Access::Whole),
    deleted(Name::Exactly("crm_file_piece"), &[through("hash", "crm_file", "hash")], Access::Whole),
    deleted(Name::Exactly("crm_file"), &[Way::File], Access::Whole),
    // The journal finds its rows by what follows, so it comes before.
    Entry {
        name: Name::Exactly("crm_journal"),
        ways: &[
            Way::Record("record_id"),
            through("seq", "crm_activity", "seq"),
            through("record_id", "crm_association", "id"),
            through("record_id", "crm_stage", "id"),
            through("seq", "crm_score_crossing", "seq"),
            through("seq", "crm_score_points", "seq"),
            through("seq", "crm_segment_change", "seq"),
            through("seq", "crm_consent_event", "seq"),
            Way::Json { column: "body", path: "$.id", kinds: OF_RULES },
            Way::Json { column: "body", path: "$.a.id", kinds: OF_LINKS },
            Way::Json { column: "body", path: "$.b.id", kinds: OF_LINKS },
            Way::Visitor,
        ],
        mentions: &["record_id"],
        access: Access::Whole,
        erasure: Erasure::Redacted(
            "place, time, actor, kind and random id, so that the journal can be verified",
        ),
    },
    // What rows of the journal are found by.
    deleted(Name::Exactly("crm_activity"), &[Way::Record("subject")], Access::Whole),
    deleted(Name::Exactly("crm_visitor"), BY_RECORD, Access::Whole),
    deleted(
        Name::Exactly("crm_association"),
        &[Way::Record("from_id"), Way::Record("to_id")],
        Access::Whole,
    ),
    deleted(Name::Exactly("crm_stage"), BY_RECORD, Access::Whole),
    Entry {
        name: Name::Exactly("crm_stage_visit"),
        ways: BY_RECORD,
        mentions: &["related"],
        access: Access::Whole,
        erasure: Erasure::Deleted,
    },
    deleted(Name::Exactly("crm_score_crossing"), BY_RECORD, Access::Whole),
    deleted(Name::Exactly("crm_score_points"), BY_RECORD, Access::Whole),
    deleted(Name::Exactly("crm_segment_change"), BY_RECORD, Access::Whole),
    deleted(Name::Exactly("crm_consent_event"), BY_SUBJECT, Access::Whole),
    deleted(
        Name::Exactly("crm_person_link"),
        &[Way::Record("a_id"), Way::Record("b_id")],
        Access::Whole,
    ),
    // The record itself goes last.
    deleted(Name::EntityType, &[Way::Record("id")], Access::Whole),
    // Rows that belong to nobody.
    Entry {
        name: Name::Exactly("crm_meta"),
        ways: &[],
        mentions: &[],
        access: Access::Nothing("it is about the file"),
        erasure: Erasure::Kept("it is about the file"),
    },
    Entry {
        name: Name::Exactly("crm_device"),
        ways: &[],
        mentions: &[],
        access: Access::Nothing("it is about copies of the file"),
        erasure: Erasure::Kept("the journal names them"),
    },
    Entry {
        name: Name::Exactly("crm_actor"),
        ways: &[],
        mentions: &[],
        access: Access::Nothing("who changed a row is named with the row"),
        erasure: Erasure::Kept("the journal proves who changed what"),
    },
    Entry {
        name: Name::Exactly("crm_consumer"),
        ways: &[],
        mentions: &[],
        access: Access::Nothing("it is about programs that read the journal"),
        erasure: Erasure::Kept("it is about programs that read the journal"),
    },
    Entry {
        name: Name::Exactly("crm_import"),
        ways: &[],
        mentions: &[],
        access: Access::Nothing("it counts the rows of a table and holds none of them"),
        erasure: Erasure::Kept("it counts the rows of a table and holds none of them"),
    },
    Entry {
        name: Name::Exactly("crm_learned_score"),
        ways: &[],
        mentions: &[],
        access: Access::Nothing("a model sums up many people and holds none of them"),
        erasure: Erasure::Kept("a model sums up many people and holds none of them"),
    },
    Entry {
        name: Name::Exactly("crm_erasure"),
        ways: &[],
        mentions: &["record_id"],
        access: Access::Nothing("a person who was erased has nothing left to show"),
        erasure: Erasure::Kept("a random id, so that an older copy can be erased again"),
    },
    Entry {
        name: Name::Exactly("crm_suppression"),
        ways: &[],
        mentions: &["record_id"],
        access: Access::Nothing("a person who was erased has nothing left to show"),
        erasure: Erasure::Kept("keyed hashes, so that the person does not come back by an import"),
    },
    Entry {
        name: Name::Exactly("crm_consent_proof"),
        ways: &[],
        mentions: &["record_id"],
        access: Access::Nothing("a person who was erased has nothing left to show"),
        erasure: Erasure::Kept("a policy keeps proof of consent: Art. 17(3)(b) and (e)"),
    },
    definitions("crm_activity_kind"),
    definitions("crm_association_type"),
    definitions("crm_attribute"),
    definitions("crm_channel"),
    definitions("crm_lifecycle"),
    definitions("crm_notice"),
    definitions("crm_party"),
    definitions("crm_policy"),
    definitions("crm_purpose"),
    definitions("crm_retention"),
    definitions("crm_rule"),
    definitions("crm_score_model"),
    definitions("crm_score_version"),
    definitions("crm_segment"),
    definitions("crm_type"),
    definitions("crm_view"),
];

/// The entry of the engine's own table of this name, or of one that belongs to a definition. `None` of
/// a name of the engine's that nobody has entered.
pub(crate) fn of_table(name: &str) -> Option<&'static Entry> {
    let is_called = |entry: &&Entry| matches!(entry.name, Name::Exactly(own) if own == name);
    INVENTORY.iter().find(is_called).or_else(|| {
        let sort = if !name.starts_with("crm_") {
            Name::EntityType
        } else if name.starts_with("crm_activity_") {
            Name::ActivityKind
        } else if name.starts_with("crm_association_") {
            Name::AssociationType
        } else {
            return None;
        };
        INVENTORY.iter().find(|entry| entry.name == sort)
    })
}
