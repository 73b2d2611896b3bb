use super::*;

fn from_lock(path: &str, text: &str) -> Registries {
    Registries::default().with_lock_files([(path, text.as_bytes())])
}

fn hosts(registries: &Registries) -> Vec<String> {
    registries
        .allow
        .iter()
        .map(|entry| entry.at.to_string())
        .collect()
}

#[test]
fn lock_files_name_their_hosts() {
    for (path, text, expected) in [
        (
            "package-lock.json",
            r#"{"packages":{"a":{"resolved":"https://npm.example/a.tgz"},"b":{"resolved":"git+https://git.example/b.git#1"}}}"#,
            vec!["git.example:443", "npm.example:443"],
        ),
        (
            "npm-shrinkwrap.json",
            r#"{"dependencies":{"a":{"dependencies":{"b":{"resolved":"https://npm.example:8443/b.tgz"}}}}}"#,
            vec!["npm.example:8443"],
        ),
        (
            "Cargo.lock",
            "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"sparse+https://index.example/\"\n[[package]]\nname = \"b\"\nversion = \"1.0.0\"\nsource = \"git+https://git.example/b?rev=1#abc\"\n",
            vec!["git.example:443", "index.example:443"],
        ),
        (
            "yarn.lock",
            "a@1:\n  version \"1\"\n  resolved \"https://yarn.example/a.tgz#abc\"\n",
            vec!["yarn.example:443"],
        ),
        (
            "pnpm-lock.yaml",
            "  a:\n    resolution: {tarball: https://pnpm.example/a.tgz}\n",
            vec!["pnpm.example:443"],
        ),
        (
            "uv.lock",
            "[[package]]\nname = \"a\"\nsource = { registry = \"https://index.example/simple\" }\nwheels = [{ url = \"https://files.example/a.whl\" }]\n",
            vec!["files.example:443", "index.example:443"],
        ),
        (
            "requirements.txt",
            "--index-url=https://index.example/simple\na @ https://files.example/a.whl ; python_version>'3'\n# https://not.example\n",
            vec!["files.example:443", "index.example:443"],
        ),
    ] {
        let found = from_lock(path, text);
        assert_eq!(hosts(&found), expected, "{path}");
        assert!(
            found
                .allow
                .iter()
                .all(|entry| entry.origin == path && entry.private == Private::No)
        );
    }
}

#[test]
fn a_lock_file_cannot_name_what_is_inside() {
    let text = r#"{"packages":{"a":{"resolved":"http://plain.example/a.tgz"},"b":{"resolved":"https://127.0.0.1/b.tgz"},
        "c":{"resolved":"https://[::1]/c.tgz"},"d":{"resolved":"file:///etc/passwd"},"e":{"resolved":"https://a.example\u0000.b.example/"},
        "f":{"resolved":"https://169.254.169.254/latest"},"g":{"resolved":"https://2130706433/"}}}"#;
    let found = from_lock("package-lock.json", text);
    assert_eq!(hosts(&found), Vec::<String>::new());
    assert_eq!(found.warnings.len(), 4, "{:?}", found.warnings);
}

#[test]
fn a_lock_file_does_not_make_a_configured_host_less_or_more() {
    let mut configured = Registries::default();
    configured.configured("https://mirror.example/", "npm");
    let lock = r#"{"packages":{"a":{"resolved":"https://mirror.example/a.tgz"},"b":{"resolved":"https://other.example/b.tgz"}}}"#;
    let found = configured.with_lock_files([("package-lock.json", lock.as_bytes())]);
    let seen: Vec<_> = found
        .allow
        .iter()
        .map(|entry| (entry.at.to_string(), entry.private.clone()))
        .collect();
    assert_eq!(
        seen,
        [
            ("mirror.example:443".to_owned(), Private::Yes),
            ("other.example:443".to_owned(), Private::No)
        ]
    );
}

#[test]
fn cargos_default_registry_is_known_by_its_name() {
    let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+https://name.example/index\"\n";
    let known = Registries {
        cargo_default: Some("registry+https://name.example/index".into()),
        ..Registries::default()
    };
    assert_eq!(
        hosts(&known.with_lock_files([("Cargo.lock", lock.as_bytes())])),
        Vec::<String>::new()
    );
}

#[test]
fn nonsense_is_a_warning() {
    for path in ["package-lock.json", "Cargo.lock"] {
        let found = from_lock(path, "{{{ nonsense");
        assert_eq!(
            (hosts(&found).len(), found.warnings.len()),
            (0, 1),
            "{path}"
        );
    }
}

#[test]
fn a_lock_file_cannot_open_the_world() {
    let lines: String = (0..200)
        .map(|n| format!("a{n} @ https://h{n}.example/a.whl\n"))
        .collect();
    assert_eq!(
        from_lock("requirements.txt", &lines).allow.len(),
        MAX_ALLOWED
    );
}

#[test]
fn a_project_names_public_hosts_and_takes_nothing_from_the_owners() {
    let mut configured = Registries::default();
    configured.configured("https://mirror.example/", "npm");
    let at = |text: &str| HostPort::parse(text).unwrap();
    let found = configured.with_project(&[at("mirror.example:443"), at("10.0.0.1:80")]);
    let seen: Vec<_> = found
        .allow
        .iter()
        .map(|entry| {
            (
                entry.at.to_string(),
                entry.private.clone(),
                entry.origin.as_str(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (
                "mirror.example:443".to_owned(),
                Private::Yes,
                "npm's configuration"
            ),
            ("10.0.0.1:80".to_owned(), Private::No, PROJECT_FILE),
        ]
    );
}

#[test]
fn a_registry_on_loopback_goes_through_the_proxy_and_servers_inside_do_not() {
    let mut found = Registries::default();
    assert_eq!(found.environment(9)["NO_PROXY"], "localhost,127.0.0.1,::1");
    found.configured("http://127.0.0.1:4873/", "npm");
    assert_eq!(found.environment(9)["no_proxy"], "localhost,::1");
    assert_eq!(found.environment(9)["HTTPS_PROXY"], "http://127.0.0.1:9");
}
