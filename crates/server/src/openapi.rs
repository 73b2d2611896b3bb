//! The API's description, OpenAPI 3.1: read from the handlers, the same that the router is made of,
//! and completed with what is true of all of them.
//! <https://spec.openapis.org/oas/v3.1.1.html>

use std::collections::BTreeSet;

use freehold_wire::api::{Change, Event};
use freehold_wire::problem::{MEDIA_TYPE, Problem};

use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{ComponentsBuilder, Info, OpenApi, Paths, RefOr, Schema};

/// Where the API's paths begin.
pub(crate) const PREFIX: &str = "/api/v1";

const SCHEMAS: &str = "#/components/schemas/";
const PAGE: &str = "Page_";

const ABOUT: &str = "People plan on a board; agents work on machines that the client owns; every \
    result passes checks and a person's decision before it lands.\n\n\
    Wherever a path or a field takes the id of a project, an agent, a provider or a runner, its name \
    does as well. Lists come in parts: `next` is the `after` of the part that follows. Every refusal \
    is a problem document (RFC 9457) whose `code` has a page at its `type`. Unknown fields in what \
    is sent are refused; new fields in what is given may come at any time, and clients ignore them.";

const BEARER: &str = "A session's token, which `POST /api/v1/sign-in` gives for a sign-in link's; or one \
    that was made for a program. Each operation says its `x-freehold-action`, the roles that may do it \
    (`x-freehold-roles`) and the scope that the token must have (`x-freehold-scope`; any token where there \
    is none). Whoever may not is refused with `forbidden`, which names what is missing. What belongs to \
    another organization is answered as what is not there.";

/// What is written in braces in a path, and what may stand there.
const PLACES: &[(&str, &str)] = &[
    ("project", "The project's id or name."),
    ("provider", "The provider's id or name."),
    ("agent", "The agent's id or name."),
    ("card", "The card's id."),
    ("run", "The run's id."),
    (
        "environment",
        "The environment's id, or its project's name.",
    ),
    ("runner", "The runner's id or name."),
    ("session", "The session's id."),
    ("organization", "The organization's id."),
    ("member", "The person's id, or their address."),
    (
        "invitation",
        "The invitation's id, or the address that is invited.",
    ),
    ("token", "The token's id."),
    ("identity", "The linked identity's id."),
    ("group", "The id under which a group is listed."),
    ("webhook", "The webhook's id."),
    ("delivery", "The delivery's id."),
];

/// How operations are grouped.
const TAGS: &[(&str, &str)] = &[
    ("session", "Who is there, and who asks."),
    (
        "account",
        "How people come in, and where they are signed in.",
    ),
    ("members", "Who is in the organization, and who is invited."),
    ("tokens", "What programs sign in with."),
    ("inbox", "What needs a person, and what changed."),
    ("projects", "Repositories that work is done in."),
    ("providers", "Endpoints of models, and their keys."),
    ("agents", "Who does the work."),
    ("cards", "What is wanted, on a board."),
    (
        "runs",
        "What an agent does about a card, and what becomes of it.",
    ),
    ("runners", "Machines that runs happen on."),
    (
        "environments",
        "Projects that a runner has at hand, and for how long.",
    ),
    ("audit", "Who did what, and the proof of it."),
    ("webhooks", "Where an organization is told of what happens."),
];

/// What the handlers' descriptions are put into, with the documents that no handler names: the
/// problem, which each may give, and what the lines of streams hold.
pub(crate) fn base() -> OpenApi {
    let mut schemas = Vec::new();
    add::<Problem>(&mut schemas);
    add::<Event>(&mut schemas);
    add::<Change>(&mut schemas);
    let components = ComponentsBuilder::new().schemas_from_iter(schemas).build();
    let mut base = OpenApi::new(Info::new("Freehold", "1"), Paths::new());
    base.components = Some(components);
    base
}

fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    T::schemas(schemas);
    schemas.push((T::name().into_owned(), T::schema()));
}

/// The whole description, in a stable order, ending in a line feed.
pub(crate) fn document(described: &OpenApi) -> String {
    let mut document = serde_json::to_value(described).unwrap_or_default();
    name_pages(&mut document);
    unwrap_lines(&mut document);
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        rename_pages(schemas);
    }
    head(&mut document);
    let paths = object(&mut document["paths"]).map(|(path, item)| {
        let path = path.strip_prefix(PREFIX).unwrap_or(path).to_owned();
        (path, item.take())
    });
    document["paths"] = Value::Object(paths.collect());
    for (path, item) in object(&mut document["paths"]) {
        for (_, operation) in object(item) {
            complete(path, operation);
        }
    }
    let given = reached(&document, &responses(&document));
    let taken = reached(&document, &requests(&document));
    for (name, schema) in object(&mut document["components"]["schemas"]) {
        if given.contains(name) && !taken.contains(name) {
            require_nullable(schema);
        }
    }
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn head(document: &mut Value) {
    document["info"] = json!({
        "title": "Freehold",
        "version": "1",
        "description": ABOUT,
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    document["servers"] = json!([{ "url": PREFIX }]);
    document["security"] = json!([{ "bearer": [] }]);
    document["tags"] = TAGS
        .iter()
        .map(|(name, description)| json!({ "name": name, "description": description }))
        .collect();
    document["components"]["securitySchemes"] = json!({ "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": BEARER,
    }});
    document["components"]["responses"] = json!({ "Problem": {
        "description": "It was refused or it failed, and nothing was changed unless the problem says so.",
        "content": { MEDIA_TYPE: {
            "schema": { "$ref": "#/components/schemas/Problem" }
        }},
    }});
}

/// What every operation has: its path's parameters, words for each success, and the problem.
fn complete(path: &str, operation: &mut Value) {
    let mut parameters: Vec<Value> = PLACES
        .iter()
        .filter(|(name, _)| path.contains(&format!("{{{name}}}")))
        .map(|(name, description)| {
            json!({ "name": name, "in": "path", "required": true, "description": description,
                "schema": { "type": "string" } })
        })
        .collect();
    // Not `operation["parameters"]`: looking there would put a null, which no description may hold.
    let own = operation.get_mut("parameters");
    if let Some(own) = own.and_then(Value::as_array_mut) {
        own.iter_mut().for_each(forget_null);
        parameters.append(own);
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    for (status, response) in object(&mut operation["responses"]) {
        if response["description"]
            .as_str()
            .unwrap_or_default()
            .is_empty()
        {
            response["description"] = match status.as_str() {
                "201" => "It was made.",
                "204" => "It is done.",
                _ => "Here it is.",
            }
            .into();
        }
    }
    operation["responses"]["default"] = json!({ "$ref": "#/components/responses/Problem" });
}

/// A comment's lines end where the source's do; a paragraph's do not.
fn unwrap_lines(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(unwrap_lines),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "description" => {
                        let paragraphs = text.split("\n\n").map(|part| part.replace('\n', " "));
                        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
                    }
                    _ => unwrap_lines(value),
                }
            }
        }
        _ => {}
    }
}

/// A parameter is there or absent; null is what an optional field's type says of both.
fn forget_null(parameter: &mut Value) {
    let kind = &mut parameter["schema"]["type"];
    if let Some(one) = kind
        .as_array()
        .and_then(|kinds| kinds.iter().find(|kind| *kind != "null"))
    {
        *kind = one.clone();
    }
}

/// A generic page is called `Page_Card` by the macro, and has the card in itself; people say
/// `CardPage`, and the card is described once.
fn name_pages(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(item) = text
                .strip_prefix(SCHEMAS)
                .and_then(|name| name.strip_prefix(PAGE))
            {
                *text = format!("{SCHEMAS}{item}Page");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(name_pages),
        Value::Object(fields) => fields.values_mut().for_each(name_pages),
        _ => {}
    }
}

fn rename_pages(schemas: &mut Map<String, Value>) {
    let pages: Vec<String> = schemas
        .keys()
        .filter(|name| name.starts_with(PAGE))
        .cloned()
        .collect();
    for page in pages {
        if let Some(mut schema) = schemas.remove(&page) {
            let item = &page[PAGE.len()..];
            schema["properties"]["items"]["items"] = json!({ "$ref": format!("{SCHEMAS}{item}") });
            schemas.insert(format!("{item}Page"), schema);
        }
    }
}

/// In what the server gives, a field that may be null is always there. A field that may be absent
/// says `nullable = false` where it is declared.
fn require_nullable(schema: &mut Value) {
    if let Some(variants) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        variants.iter_mut().for_each(require_nullable);
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    let required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|known| known == name))
    };
    let names: Vec<&String> = properties
        .iter()
        .filter(|(name, property)| required(name) || is_nullable(property))
        .map(|(name, _)| name)
        .collect();
    schema["required"] = json!(names);
}

fn is_nullable(property: &Value) -> bool {
    let null = |kind: &Value| kind == "null";
    let of_type = |schema: &Value| match &schema["type"] {
        Value::Array(types) => types.iter().any(null),
        one => null(one),
    };
    of_type(property)
        || property["oneOf"]
            .as_array()
            .is_some_and(|variants| variants.iter().any(of_type))
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    let items = document["paths"].as_object().into_iter().flatten();
    items.flat_map(|(_, item)| item.as_object().into_iter().flatten().map(|(_, op)| op))
}

fn responses(document: &Value) -> Value {
    let mut found: Vec<Value> = operations(document)
        .map(|op| op["responses"].clone())
        .collect();
    found.push(document["components"]["responses"].clone());
    found.into()
}

fn requests(document: &Value) -> Value {
    operations(document)
        .map(|op| op["requestBody"].clone())
        .collect()
}

/// The names of all schemas that `from` refers to, and those refer to.
fn reached(document: &Value, from: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open = vec![from];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => {
                let name = fields
                    .get("$ref")
                    .and_then(Value::as_str)
                    .and_then(|path| path.strip_prefix(SCHEMAS));
                if let Some(name) = name
                    && names.insert(name.to_owned())
                {
                    open.push(&document["components"]["schemas"][name]);
                }
                open.extend(fields.values());
            }
            _ => {}
        }
    }
    names
}

fn object(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flat_map(Map::iter_mut)
}

#[cfg(test)]
#[path = "openapi_tests.rs"]
mod tests;
