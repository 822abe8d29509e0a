//! Many clips from one manifest: reading it, and the queue that renders it
//! once and only once.
//!
//! [`Manifest::read`] takes a CSV mail-merge or a YAML file and finds all that
//! is wrong with its text at once, each with its line and column; [`Queue`]
//! hands the jobs to workers. Nothing here draws, speaks or encodes.

mod decode;
mod fields;
mod manifest;
mod problem;
mod queue;
mod schema;
mod sqlite;
mod table;
mod template;
mod yaml;
pub(crate) mod yaml_tree;

pub use decode::{Decoded, decode};
pub use fields::{FIELDS, Field, FieldKind};
pub use manifest::{Entry, EntrySound, Given, Manifest};
pub use problem::{Place, Problem, nearest};
pub use queue::{
    Claim, Claimed, Made, Outcome, Queue, QueueError, Submission, Tally, Ticket, file_sha256,
    put_in_place,
};
pub use schema::json_schema;
pub use sqlite::{Conflict, Row, SqliteQueue};
pub use template::{Values, expand, file_name};
