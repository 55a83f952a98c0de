//! Every limit of the engine, in one place. Exceeding one is the error `LimitExceeded`
//! (`OutOfRange` where it is the length of a value).

/// Attributes of one entity type, archived ones included.
pub const ATTRIBUTES_PER_TYPE: usize = 200;
/// Properties of one activity kind, or attributes of one association type.
pub const PROPERTIES: usize = 64;
/// Entity types in one file, archived ones included.
pub const TYPES: usize = 500;
/// Kinds of activities in one file, archived ones included.
pub const ACTIVITY_KINDS: usize = 500;
/// Records that one activity is linked to.
pub const LINKS: usize = 100;
/// Bytes of a visitor's key, of an activity's key or channel, and of a role.
pub const KEY_BYTES: usize = 255;
/// Types of associations in one file, archived ones included.
pub const ASSOCIATION_TYPES: usize = 500;
/// Characters of the role of an association.
pub const ROLE_CHARS: u32 = 255;
/// Steps of a walk along associations.
pub const WALK_DEPTH: u32 = 64;
/// Records above one in a hierarchy: what is looked through for a cycle.
pub const ANCESTORS: usize = 100_000;
/// Options of one choice.
pub const OPTIONS: usize = 5_000;
/// Bytes of one option's value.
pub const OPTION_BYTES: usize = 255;
/// Bytes of a text that is not `long_text`, and of each part of an address.
pub const TEXT_BYTES: usize = 64 * 1024;
/// Bytes of a `long_text`.
pub const LONG_TEXT_BYTES: usize = 1024 * 1024;
/// Bytes of a label; a description may have sixteen times as many.
pub const LABEL_BYTES: usize = 1024;
/// Bytes of a pattern.
pub const PATTERN_BYTES: usize = 4 * 1024;
/// Decimal places of a `decimal`.
pub const SCALE: u8 = 12;
/// Bytes of a formula.
pub const FORMULA_BYTES: usize = 16 * 1024;
/// Literals, attributes, operations and calls in one formula.
pub const FORMULA_NODES: usize = 256;
/// How deep a formula may be nested.
pub const FORMULA_DEPTH: usize = 32;
/// Records whose roll-ups one transaction changes, each counted once for every roll-up that lies upon
/// another. New formulas are not bound by it.
pub const ROLLED_UP_AT_ONCE: usize = 200_000;
/// Bytes of the name of an actor or a consumer, and of a cause.
pub const ACTOR_BYTES: usize = 255;
/// Bytes of one change of a record as the journal holds it, where some characters take up to six.
pub const CHANGE_BYTES: usize = 16 * 1024 * 1024 - 4096;
/// Different values of an attribute among which an audit looks for misspellings.
pub const AUDIT_VALUES: usize = 200;
/// Values of a vocabulary with which an audit compares.
pub const AUDIT_VOCABULARY: usize = 1_000;
/// Bytes of such a value.
pub const AUDIT_VALUE_BYTES: usize = 64;
/// Numbers that an audit keeps to find the quartiles of all attributes.
pub const AUDIT_NUMBERS: usize = 2_000_000;
/// Keys that an audit compares in one pass over the records.
pub const AUDIT_KEYS: u64 = 400_000;
/// Records that a finding of an audit names.
pub const AUDIT_EXAMPLES: u32 = 20;
/// Consumers of the changes.
pub const CONSUMERS: usize = 1_000;
/// Records, associations or changes on one page, and records that a walk finds.
pub const PAGE: u32 = 10_000;
/// Changes in one batch.
pub const BATCH: usize = 100_000;
/// Bytes of one stored file.
pub const FILE_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of one piece that `files.read` returns.
pub const FILE_PIECE_BYTES: u32 = 4 * 1024 * 1024;
/// Rows that `database.sql` returns at most.
pub const SQL_ROWS: u32 = 100_000;
/// Columns of a CSV table.
pub const CSV_COLUMNS: usize = 512;
/// Bytes of one cell of a CSV table.
pub const CSV_CELL_BYTES: usize = 1024 * 1024;
/// Bytes of one row of a CSV table, each delimiter counted as nine: what a quote that is never closed
/// can make the engine hold.
pub const CSV_ROW_BYTES: usize = 8 * 1024 * 1024;
/// Problems that an import lists one by one; all are counted.
pub const CSV_PROBLEMS: usize = 1_000;
/// Bytes of CSV text or cards that are handed over or returned instead of a file.
pub const CSV_TEXT_BYTES: usize = 16 * 1024 * 1024;
/// Keys and unique values of one table that a plan, or an import of one, tells apart.
pub const IMPORT_KEYS: usize = 3_000_000;
/// Kinds of associations and of activities that the columns of an import make.
pub const IMPORT_BLOCKS: usize = 64;
/// Names of other records in one cell of an import.
pub const IMPORT_NAMES: usize = 100;
/// Associations that a plan of an import keeps in mind, where the type limits how many there are or
/// is a hierarchy.
pub const IMPORT_LINKS: usize = 200_000;
/// Bytes of one card.
pub const CARD_BYTES: usize = 16 * 1024 * 1024;
/// Properties of one card.
pub const CARD_PROPERTIES: usize = 10_000;
/// How deep a condition may be nested, conditions within events and related records counted.
pub const CONDITION_DEPTH: usize = 16;
/// How many related records may be followed one after the other.
pub const CONDITION_HOPS: usize = 4;
/// Conditions in one condition, itself and all that are nested counted.
pub const CONDITION_NODES: usize = 256;
/// Values in all the lists of one condition.
pub const CONDITION_VALUES: usize = 10_000;
/// Bytes of the text form of a condition.
pub const CONDITION_TEXT_BYTES: usize = 64 * 1024;
/// Activities, related records and changes that one evaluation in memory reads.
pub const CONDITION_FACTS: usize = 100_000;
/// Columns of a select.
pub const QUERY_COLUMNS: usize = 50;
/// Keys of a grouping, of each side of a pivot, and of an order.
pub const QUERY_KEYS: usize = 8;
/// Measures of a grouping.
pub const QUERY_MEASURES: usize = 32;
/// Values in all conditions of one query.
pub const QUERY_VALUES: usize = 30_000;
/// Bytes of what is searched for.
pub const SEARCH_TEXT_BYTES: usize = 1024;
/// Words that are searched for at once.
pub const SEARCH_WORDS: usize = 32;
/// Hits on one page of a search.
pub const SEARCH_HITS: u32 = 1_000;
/// Bytes of a folded word; of a longer one what follows is neither searched nor found.
pub const WORD_BYTES: usize = 128;
/// Bytes of the folded words of one record or activity; what follows is not searched.
pub const SEARCHED_BYTES: usize = 8 * 1024 * 1024;
/// Characters of a snippet.
pub const SNIPPET_CHARS: usize = 200;
/// Finds of one term in one text among which the place of a snippet is chosen.
pub const SNIPPET_FINDS: usize = 100;
/// Saved views in one file, archived ones included.
pub const VIEWS: usize = 1_000;
/// Bytes of one saved view as JSON.
pub const VIEW_BYTES: usize = 1024 * 1024;
/// Lifecycles in one file, archived ones included.
pub const LIFECYCLES: usize = 200;
/// Stages of one lifecycle, and reasons of one stage.
pub const STAGES: usize = 64;
/// Times in which a record is to leave one stage.
pub const STAGE_TARGETS: usize = 8;
/// Triggers of one lifecycle.
pub const STAGE_TRIGGERS: usize = 128;
/// Bytes of one lifecycle as JSON.
pub const LIFECYCLE_BYTES: usize = 1024 * 1024;
/// Segments in one file, archived ones included.
pub const SEGMENTS: usize = 1_000;
/// Bytes of one segment as JSON.
pub const SEGMENT_BYTES: usize = 1024 * 1024;
/// Members that are added or removed at once.
pub const MEMBERS: usize = 10_000;
/// Moments at which the size of a segment is asked for at once.
pub const SEGMENT_SIZES: usize = 1_000;
/// Bytes of the reason of a move.
pub const REASON_BYTES: usize = 1_000;
/// Retention rules in one file.
pub const RETENTIONS: usize = 200;
/// Bytes of one retention rule as JSON.
pub const RETENTION_BYTES: usize = 256 * 1024;
/// Years for which a retention rule has records kept at most.
pub const RETENTION_YEARS: u32 = 200;
/// Rules in one file, archived ones included.
pub const RULES: usize = 200;
/// Actions of one rule.
pub const RULE_ACTIONS: usize = 16;
/// Bytes of one rule as JSON.
pub const RULE_BYTES: usize = 256 * 1024;
/// Rules that set each other off, one after the other, in one chain of causes.
pub const RULE_CHAIN: usize = 16;
/// Runs of rules that other rules set off because of one first cause: a write, a row of a batch, or a
/// crossing.
pub const RULE_RUNS: usize = 10_000;
/// Records with which a rule is simulated at once.
pub const RULE_SIMULATED: usize = 1_000;
/// Learned scores in one file, archived ones included, and versions of one.
pub const LEARNED_SCORES: usize = 200;
/// Bytes of one learned model as JSON.
pub const LEARNED_MODEL_BYTES: usize = 1024 * 1024;
/// Features of one learned model.
pub const LEARNED_FEATURES: usize = 300;
/// Records that one training or back-test reads.
pub const LEARNED_RECORDS: usize = 4_000_000;
/// Numbers of the table from which a model is learned: eight bytes each.
pub const LEARNED_CELLS: usize = 100_000_000;
/// Groups that a query returns, and rows or columns of a pivot.
pub const GROUPS: u32 = 10_000;
/// Cells of a pivot.
pub const PIVOT_CELLS: usize = 100_000;
/// Streams of Arrow tables that are open at once on one file.
pub const STREAMS: usize = 16;
/// Rows in one batch of an Arrow table.
pub const STREAM_ROWS: u32 = 100_000;
/// Bytes of text after which a batch of an Arrow table ends, whatever its rows.
pub const STREAM_BYTES: usize = 16 * 1024 * 1024;
/// Rows of a query in order whose order is worked out at once, for a stream or the pages to come; of
/// each a number is kept.
pub const ORDER_ROWS: u32 = 262_144;
/// Lists of rows that are read page by page, whose order is remembered.
pub const ORDERS_AHEAD: usize = 4;
/// Bytes of one batch of an Arrow file, unpacked; it is held in memory as a whole.
pub const ARROW_BATCH_BYTES: u64 = 256 * 1024 * 1024;
/// Rows in one batch of an Arrow file.
pub const ARROW_BATCH_ROWS: u64 = 16 * 1024 * 1024;
/// Scores in one file, all versions of one counted once.
pub const SCORES: usize = 200;
/// Versions of one score.
pub const SCORE_VERSIONS: i64 = 10_000;
/// Groups of one score.
pub const SCORE_GROUPS: usize = 16;
/// Rules of one group.
pub const SCORE_RULES: usize = 64;
/// Values to which one rule gives points.
pub const SCORE_VALUES: usize = 500;
/// Thresholds of one score, and levels of one side of a grade.
pub const SCORE_LEVELS: usize = 32;
/// Points that a rule, a group or a score gives at most, positive or negative.
pub const SCORE_POINTS: i64 = 1_000_000_000;
/// Bytes of one score as JSON.
pub const SCORE_BYTES: usize = 1024 * 1024;
/// Activities of one record that count for one rule of a score; of more only the latest do.
pub const SCORED_ACTIVITIES: usize = 100_000;
/// Related records whose scores one rule looks at; of more only the first by id.
pub const SCORED_RELATED: usize = 10_000;
/// Times that points are added to what one record scores by one model.
pub const SCORE_ADDED: usize = 10_000;
/// Channels, parties, purposes and policies of consent in one file, of each; and versions of notices.
pub const CONSENT_DEFINITIONS: usize = 1_000;
/// Bytes of one of them as JSON.
pub const CONSENT_DEFINITION_BYTES: usize = 256 * 1024;
/// Bytes of a contact point.
pub const CONTACT_POINT_BYTES: usize = 1_000;
/// Bytes of each text that shows a consent.
pub const EVIDENCE_BYTES: usize = 4 * 1024;
/// Events that one event of the ledger names.
pub const SUPERSEDED: usize = 1_000;
/// Choices that a preference centre hands in at once.
pub const CHOICES: usize = 1_000;
/// Records that are linked as one person.
pub const PEOPLE: usize = 100;
/// Microseconds by which the clock of a replay moves with each reading: a day.
pub const REPLAY_STEP: u64 = 86_400_000_000;
