//! The web interface as a browser gets it.

use freehold_server::Studio;
use freehold_testkit::App;
use freehold_wire::problem::{Code, Problem};
use reqwest::{Method, Response, StatusCode, header};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const PAGE: &str = r#"<!doctype html><meta name="csp-nonce" content="__CSP_NONCE__"><script src="/theme.js"></script>"#;

async fn app() -> App {
    let files = [
        ("index.html", PAGE),
        ("theme.js", "theme()"),
        ("favicon.svg", "<svg/>"),
        ("assets/main-a1b2c3.js", "main()"),
        ("assets/main-a1b2c3.js.gz", "(packed)"),
        ("assets/main-d4e5f6.css", "a{}"),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
    App::start_with(Studio::of(files)).await
}

async fn ask(app: &App, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let url = format!("{}{path}", app.url());
    let mut request = reqwest::Client::new().request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn get(app: &App, path: &str, headers: &[(&str, &str)]) -> Response {
    ask(app, Method::GET, path, headers).await
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

async fn code(response: Response) -> Code {
    assert_eq!(
        header(&response, "content-type"),
        "application/problem+json"
    );
    response.json::<Problem>().await.unwrap().code
}

#[tokio::test]
async fn the_page_comes_at_every_address_under_a_policy_of_its_own() {
    let app = app().await;
    let mut nonces = Vec::new();
    for path in [
        "/",
        "/sign-in",
        "/projects/prj_x?card=card_y",
        "/runs/run_x/review",
        "/index.html",
    ] {
        let response = get(&app, path, &[("accept", BROWSER)]).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(
            header(&response, "content-type"),
            "text/html; charset=utf-8"
        );
        assert_eq!(header(&response, "cache-control"), "no-store");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(header(&response, "referrer-policy"), "no-referrer");
        assert_eq!(
            header(&response, "cross-origin-opener-policy"),
            "same-origin"
        );
        assert!(header(&response, "permissions-policy").contains("camera=(), "));
        let policy = header(&response, "content-security-policy").to_owned();
        let page = response.text().await.unwrap();
        let (_, rest) = page.split_once("content=\"").unwrap();
        let (nonce, _) = rest.split_once('"').unwrap();
        assert_eq!(
            policy,
            format!(
                "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; \
                 img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; \
                 base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            )
        );
        assert!(nonce.len() >= 22 && !nonces.contains(&nonce.to_owned()));
        nonces.push(nonce.to_owned());
    }
}

#[tokio::test]
async fn scripts_that_ask_for_what_is_not_there_get_a_problem_and_no_page() {
    let app = app().await;
    for (path, accept) in [
        ("/api/v1/no-such-thing", BROWSER),
        ("/api", BROWSER),
        ("/assets/main-older1.js", BROWSER),
        ("/assets", BROWSER),
        ("/assets/", BROWSER),
        ("/no-such.js", "*/*"),
        ("/projects", "application/json"),
        ("/docs/errors/no_such_code", BROWSER),
    ] {
        let response = get(&app, path, &[("accept", accept)]).await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(header(&response, "cache-control"), "no-store");
        assert_eq!(code(response).await, Code::NotFound, "{path}");
    }
    let written = ask(&app, Method::POST, "/projects", &[("accept", BROWSER)]).await;
    assert_eq!(written.status(), 404);
}

#[tokio::test]
async fn a_file_whose_name_says_its_contents_is_kept_for_ever_and_packed_where_welcome() {
    let app = app().await;
    let path = "/assets/main-a1b2c3.js";
    for (accept, coding, body) in [
        ("", "", "main()"),
        ("identity", "", "main()"),
        ("gzip, deflate, br", "gzip", "(packed)"),
        ("gzip;q=0", "", "main()"),
    ] {
        let response = get(&app, path, &[("accept-encoding", accept)]).await;
        assert_eq!(response.status(), 200);
        assert_eq!(
            header(&response, "cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(
            header(&response, "content-type"),
            "text/javascript; charset=utf-8"
        );
        assert_eq!(header(&response, "vary"), "accept-encoding");
        assert_eq!(header(&response, "content-encoding"), coding, "{accept}");
        assert_eq!(response.text().await.unwrap(), body);
    }
    let style = get(
        &app,
        "/assets/main-d4e5f6.css",
        &[("accept-encoding", "gzip")],
    )
    .await;
    assert_eq!(
        header(&style, "content-encoding"),
        "",
        "there is no packed form of it"
    );
    assert_eq!(header(&style, "vary"), "");
}

#[tokio::test]
async fn a_file_with_a_lasting_name_is_asked_for_again_and_known_again() {
    let app = app().await;
    let first = get(&app, "/theme.js", &[]).await;
    assert_eq!(header(&first, "cache-control"), "no-cache");
    let tag = header(&first, "etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() > 2);
    assert_eq!(first.text().await.unwrap(), "theme()");
    let again = get(&app, "/theme.js", &[("if-none-match", &tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header(&again, "etag"), tag);
    assert_eq!(again.text().await.unwrap(), "");
    let other = get(&app, "/theme.js", &[("if-none-match", "\"other\"")]).await;
    assert_eq!(other.status(), 200);
    let icon = get(&app, "/favicon.svg", &[]).await;
    assert_eq!(header(&icon, "content-type"), "image/svg+xml");
    assert_ne!(header(&icon, "etag"), tag);
}

#[tokio::test]
async fn head_says_what_get_would_and_sends_nothing() {
    let app = app().await;
    for path in [
        "/",
        "/assets/main-a1b2c3.js",
        "/theme.js",
        "/docs/errors/not_found",
    ] {
        let got = get(&app, path, &[("accept", BROWSER)]).await;
        let head = ask(&app, Method::HEAD, path, &[("accept", BROWSER)]).await;
        assert_eq!(head.status(), 200, "{path}");
        for name in ["content-type", "cache-control", "etag", "vary"] {
            assert_eq!(header(&head, name), header(&got, name), "{path} {name}");
        }
        let length = header(&head, "content-length").to_owned();
        assert_eq!(
            length,
            got.bytes().await.unwrap().len().to_string(),
            "{path}"
        );
        assert_eq!(head.bytes().await.unwrap().len(), 0);
    }
}

/// A client tidies an address before it asks; an attacker does not.
async fn ask_exactly(app: &App, path: &str) -> String {
    let address = app.url().replace("http://", "");
    let mut tcp = tokio::net::TcpStream::connect(&address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: */*\r\nconnection: close\r\n\r\n"
    );
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn nothing_outside_of_the_built_folder_is_reached() {
    // The files of the tree itself, as a program that was not released serves them.
    let app = App::start_with(Studio::embedded()).await;
    for path in [
        "/assets/../../Cargo.toml",
        "/assets/../../../Cargo.toml",
        "/assets/%2e%2e/%2e%2e/package.json",
        "/assets/..%2f..%2fpackage.json",
        "/assets/%252e%252e/package.json",
        "/assets/..\\..\\package.json",
        "/../package.json",
        "/%2e%2e/package.json",
        "//etc/passwd",
        "/assets//etc/passwd",
        "/assets/%2fetc%2fpasswd",
        "/docs/errors/..%2frecipes",
        "/docs/errors/%2e%2e%2frecipes",
    ] {
        let answer = ask_exactly(&app, path).await;
        let status = answer.lines().next().unwrap_or_default().to_owned();
        assert!(
            status.contains(" 404 ") || status.contains(" 400 "),
            "{path}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_program_without_studio_says_how_to_get_one() {
    let app = App::start().await;
    let response = get(&app, "/sign-in", &[("accept", BROWSER)]).await;
    assert_eq!(response.status(), 200);
    assert!(
        header(&response, "content-security-policy")
            .starts_with("default-src 'none'; style-src 'nonce-")
    );
    assert!(
        response
            .text()
            .await
            .unwrap()
            .contains("<code>make studio</code>")
    );
    assert_eq!(get(&app, "/assets/main.js", &[]).await.status(), 404);
}

#[tokio::test]
async fn the_page_that_a_problem_points_to_is_there() {
    let app = app().await;
    let problem = get(&app, "/api/v1/nowhere", &[])
        .await
        .json::<Problem>()
        .await
        .unwrap();
    let read = get(&app, &problem.kind, &[("accept", BROWSER)]).await;
    assert_eq!(header(&read, "content-type"), "text/html; charset=utf-8");
    assert!(
        read.text()
            .await
            .unwrap()
            .contains("<h1>not_found (404)</h1>")
    );
    for code in Code::ALL {
        let page = get(&app, &Problem::new(*code, "").kind, &[]).await;
        assert_eq!(page.status(), 200, "{code:?}");
        assert_eq!(
            header(&page, header::CONTENT_TYPE.as_str()),
            "text/markdown; charset=utf-8"
        );
        assert!(
            page.text()
                .await
                .unwrap()
                .starts_with(&format!("# {}", code.code()))
        );
    }
}
