//! Writing a `spec.json`, as wire JSON and not through the supervisor's own types: a test that used
//! those would not notice when the contract changes.

use serde_json::{Map, Value, json};

/// A spec in the making.
#[derive(Clone, Debug)]
pub struct Spec {
    fields: Map<String, Value>,
    processes: Vec<Value>,
}

impl Spec {
    /// One without processes that ends when all have ended.
    #[must_use]
    pub fn new() -> Self {
        let mut spec = Self { fields: Map::new(), processes: Vec::new() };
        spec.fields.insert("version".to_owned(), json!(1));
        spec.with("exit", json!("all_ended"))
    }

    /// Sets a field of the spec.
    #[must_use]
    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.fields.insert(field.to_owned(), value);
        self
    }

    /// Adds a process.
    #[must_use]
    pub fn process(self, name: &str, command: &[&str]) -> Self {
        self.process_with(name, command, json!({}))
    }

    /// Adds a process that is the actor, with these arguments. `ACTOR` is where a
    /// [`Place`](super::place::Place) has it.
    #[must_use]
    pub fn actor(self, name: &str, arguments: &[&str]) -> Self {
        self.actor_with(name, arguments, json!({}))
    }

    /// Adds the actor with further fields of the process.
    #[must_use]
    pub fn actor_with(self, name: &str, arguments: &[&str], fields: Value) -> Self {
        let command: Vec<&str> = [ACTOR].into_iter().chain(arguments.iter().copied()).collect();
        self.process_with(name, &command, fields)
    }

    /// Adds a process with further fields.
    ///
    /// # Panics
    /// When `fields` is no object.
    #[must_use]
    pub fn process_with(mut self, name: &str, command: &[&str], fields: Value) -> Self {
        let mut process = fields.as_object().expect("fields are an object").clone();
        process.insert("name".to_owned(), json!(name));
        process.insert("command".to_owned(), json!(command));
        self.processes.push(Value::Object(process));
        self
    }

    /// The JSON, with the actor at the given path.
    #[must_use]
    pub fn json(&self, actor: &str) -> String {
        let mut spec = self.fields.clone();
        spec.insert("processes".to_owned(), json!(self.processes));
        Value::Object(spec).to_string().replace(ACTOR, actor)
    }
}

impl Default for Spec {
    fn default() -> Self {
        Self::new()
    }
}

/// Stands for the path of the actor, which differs from place to place.
pub const ACTOR: &str = "@actor@";
