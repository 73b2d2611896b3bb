use super::*;

fn described() -> Value {
    serde_json::from_str(&crate::openapi()).unwrap()
}

/// Every operation with its method and path.
fn all(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.iter()
            .map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.collect()
}

#[test]
fn the_description_in_the_tree_is_the_code_s() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/openapi.json");
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        stored == crate::openapi(),
        "web/openapi.json is stale: run `make openapi`"
    );
}

#[test]
fn every_operation_says_what_it_does_takes_and_gives() {
    let document = described();
    let operations = all(&document);
    assert!(operations.len() >= 20);
    let tags: Vec<&str> = TAGS.iter().map(|(tag, _)| *tag).collect();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{name}: {id} is another one's");
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(
            summary.ends_with('.'),
            "{name}: no sentence says what it does"
        );
        let tag = operation["tags"][0].as_str().unwrap_or_default();
        assert!(tags.contains(&tag), "{name}: tag `{tag}`");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("default"), "{name}");
        let successes = || {
            responses
                .iter()
                .filter(|(status, _)| status.starts_with('2'))
        };
        assert!(successes().count() > 0, "{name}: no success");
        for (status, response) in successes() {
            assert_eq!(
                response["content"].is_object(),
                status != "204",
                "{name} {status}"
            );
        }
        let parameters = operation["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for parameter in &parameters {
            let described = parameter["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty());
            assert!(described, "{name}: {} is not described", parameter["name"]);
        }
        let in_path = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path");
        assert_eq!(
            in_path.count(),
            name.matches('{').count(),
            "{name}: a place has no words in PLACES"
        );
    }
}

#[test]
fn every_field_is_described_and_every_reference_leads_somewhere() {
    let document = described();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in reached(&document, &document) {
        assert!(schemas.contains_key(&name), "{name} is nowhere");
    }
    for (name, schema) in schemas {
        let variants = schema["oneOf"].as_array().cloned().unwrap_or_default();
        for schema in std::iter::once(schema).chain(&variants) {
            for (field, property) in schema["properties"].as_object().into_iter().flatten() {
                let text = property.to_string();
                assert!(
                    text.contains("\"description\"") || text.contains("enum"),
                    "{name}.{field}"
                );
            }
        }
    }
}

#[test]
fn what_may_be_null_is_there_and_what_may_be_absent_is_not_null() {
    let document = described();
    let schemas = &document["components"]["schemas"];
    let required = |schema: &str, field: &str| {
        let required = schemas[schema]["required"].as_array().unwrap();
        required.iter().any(|name| name == field)
    };
    assert!(required("Card", "run") && is_nullable(&schemas["Card"]["properties"]["run"]));
    assert!(required("CardPage", "next"));
    assert!(
        !required("NewCard", "body"),
        "what may be left out of a request"
    );
    assert!(!required("Problem", "correlation"));
    assert!(!is_nullable(
        &schemas["Problem"]["properties"]["correlation"]
    ));
    assert_eq!(
        schemas["CardPage"]["properties"]["items"]["items"]["$ref"],
        "#/components/schemas/Card"
    );
}

/// Looking at a field that is not there is enough to put a null in its place.
#[test]
fn nothing_in_the_description_is_null() {
    fn nulls(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Null => found.push(path.to_owned()),
            Value::Array(items) => items.iter().for_each(|item| nulls(item, path, found)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    nulls(field, &format!("{path}/{name}"), found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    nulls(&described(), "", &mut found);
    assert_eq!(found, [""; 0]);
}

#[test]
fn the_page_of_permissions_in_the_tree_is_the_table_s() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/permissions.md");
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        stored == crate::permissions(),
        "docs/permissions.md is stale: run `make openapi`"
    );
}

/// What is described is what the gate asks: the same method and path, action, roles and scope.
#[test]
fn every_operation_says_who_may() {
    use crate::gate::Access;
    let document = described();
    let mut routes = crate::routes();
    routes.retain(|route| !route.path.starts_with("/api/v1/link"));
    assert_eq!(all(&document).len(), routes.len());
    for (name, operation) in all(&document) {
        let route = routes.iter().find(|route| {
            let path = route.path.trim_start_matches(PREFIX);
            name == format!("{} {path}", route.method.as_str().to_lowercase())
        });
        match route.unwrap().access {
            Access::For(action) => {
                let rule = action.rule();
                assert_eq!(operation["x-freehold-action"], rule.word, "{name}");
                let roles = operation["x-freehold-roles"].as_array().unwrap();
                assert_eq!(roles[0], "owner", "{name}");
                let mut scopes: Vec<&str> = rule.scope.iter().map(|s| s.name()).collect();
                scopes.extend(rule.confirmed.then_some("destroy"));
                assert_eq!(
                    operation["security"],
                    json!([{ "bearer": scopes }]),
                    "{name}"
                );
            }
            access => {
                assert_eq!(access, Access::Public, "{name}");
                assert_eq!(operation["security"], json!([]), "{name}");
            }
        }
    }
}

/// A line of the table that no route uses is a mistake, or says that its scope has no action yet.
#[test]
fn every_action_has_a_route() {
    use crate::gate::Access;
    let routes = crate::routes();
    for action in freehold_model::Action::ALL {
        let used = routes
            .iter()
            .any(|route| route.access == Access::For(*action));
        assert!(used, "{action}");
    }
}
