//! JSON objects with keys in any case, as CM.com's gateway accepts them. A `null` counts as absent. If keys
//! differ only in case, any may win.

use serde_json::{Map, Value};

#[derive(Clone, Copy)]
pub(super) struct Object<'a>(&'a Map<String, Value>);

impl<'a> Object<'a> {
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        let mut fields = self.0.iter();
        let found = fields.find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null());
        found.map(|(_, value)| value)
    }

    /// Returns the object with that name, `None` for any other value.
    pub(super) fn object(self, name: &str) -> Option<Self> {
        self.get(name).and_then(Self::of)
    }
}
