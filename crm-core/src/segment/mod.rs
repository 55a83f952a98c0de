//! Segments: named conditions with their members, and when and why each came and went.
//!
//! A definition (`definition`) is judged when it is saved and made into a program (`program`), whose
//! condition is ready to be evaluated. `change` is what the journal keeps of a member, `sizes` folds
//! such changes. The invariants: the members of a live segment are the records in use of which its
//! condition was true when it was asked last, and it is asked whenever a write or time may have
//! changed that; segments that ask for each other in a circle are refused.

mod answers;
mod change;
mod definition;
mod program;
mod requests;
mod sizes;

pub use answers::{
    MemberCause, MemberChange, MemberExplanation, SegmentEstimate, SegmentMember, SegmentMembers,
    SegmentOverlap, SegmentReport, SegmentSize, SegmentSizes,
};
pub(crate) use change::MemberBody;
pub use definition::{DefineSegment, Segment, SegmentKind};
pub(crate) use definition::{SegmentModel, check_definition, read_segment, segment_json};
pub(crate) use program::{SegmentProgram, SegmentPrograms};
pub use requests::{
    ChangeMembers, EstimateSegment, ExplainMember, GetSegmentSizes, ListMembers, OverlapSegments,
    SegmentName,
};
pub(crate) use sizes::SizeFold;
