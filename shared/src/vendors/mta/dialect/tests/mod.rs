//! The dialect's tables: a request and what we read of it, a record and its answer.
