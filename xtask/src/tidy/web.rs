//! Rules on Studio, in `web/`: what the page's policy would refuse anyway is found here before a
//! browser does, and words that people read stay in one place.

use super::tree::File;

/// Written by a program from the API's description.
const GENERATED: &[&str] = &["web/src/api/schema.d.ts"];
const LONGEST: usize = 600;

/// What makes markup, or code, of a text. Agents write most of what Studio shows.
const INTERPRETERS: &[&str] = &[
    concat!("dangerously", "SetInnerHTML"),
    ".innerHTML",
    ".outerHTML",
    "insertAdjacentHTML",
    "document.write(",
    " eval(",
    "new Function(",
];

/// Attributes whose text people read or hear.
const SPOKEN: &[&str] = &[
    "alt",
    "aria-description",
    "aria-label",
    "description",
    "hint",
    "label",
    "placeholder",
    "title",
];

pub(crate) fn check(files: &[File]) -> Vec<String> {
    let ours = || files.iter().filter(|file| file.path.starts_with("web/"));
    let rules: [fn(&File) -> Option<String>; 4] = [length, interpreter, inline, sentence];
    ours()
        .flat_map(|file| rules.iter().filter_map(|rule| rule(file)))
        .collect()
}

fn ends_with(file: &File, endings: &[&str]) -> bool {
    endings.iter().any(|ending| file.path.ends_with(ending))
}

fn length(file: &File) -> Option<String> {
    let lines = file.text.lines().count();
    let counts = ends_with(file, &[".ts", ".tsx", ".css", ".mjs"]);
    (counts && lines > LONGEST && !GENERATED.contains(&file.path.as_str())).then(|| {
        format!(
            "{}: {lines} lines, {LONGEST} at most; cut it by what changes together",
            file.path
        )
    })
}

/// Of the page itself, not of what tests it.
fn is_page(file: &File) -> bool {
    file.path.starts_with("web/src/") && !file.path.contains(".test.")
}

fn interpreter(file: &File) -> Option<String> {
    if !is_page(file) {
        return None;
    }
    let (number, found) = file.text.lines().enumerate().find_map(|(number, line)| {
        let found = INTERPRETERS.iter().find(|word| line.contains(*word))?;
        (!is_comment(line)).then_some((number + 1, found.trim()))
    })?;
    Some(format!(
        "{}:{number}: `{found}` interprets a text; show it as it is",
        file.path
    ))
}

/// A page under our policy runs no script and takes no style that stands in it.
fn inline(file: &File) -> Option<String> {
    if !file.path.ends_with(".html") {
        return None;
    }
    let tags = file
        .text
        .split('<')
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap_or_default());
    let odd = tags.into_iter().find(|tag| {
        let name = tag.split_whitespace().next().unwrap_or_default();
        let handler = |word: &str| word.starts_with("on") && word.contains("=\"");
        name == "style"
            || (name == "script" && !tag.contains(" src="))
            || tag.contains(" style=")
            || tag.split_whitespace().skip(1).any(handler)
    })?;
    Some(format!(
        "{}: <{odd}>: a script or a style in the page is refused by its policy; give it a file",
        file.path
    ))
}

/// Components hold no sentence: it stands in `web/src/strings/`, where it is found and translated.
fn sentence(file: &File) -> Option<String> {
    // The page of the design system shows samples, and only while developing.
    if !is_page(file) || !file.path.ends_with(".tsx") || file.path.starts_with("web/src/design/") {
        return None;
    }
    let (number, words) = file.text.lines().enumerate().find_map(|(number, line)| {
        (!is_comment(line))
            .then(|| spoken(line))
            .flatten()
            .map(|words| (number + 1, words))
    })?;
    Some(format!(
        "{}:{number}: \"{words}\" is for people; it belongs in web/src/strings/",
        file.path
    ))
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    ["//", "/*", "*", "{/*"]
        .iter()
        .any(|start| line.starts_with(start))
}

fn spoken(line: &str) -> Option<&str> {
    let attribute = |name: &&str| {
        let (before, rest) = line.split_once(&format!("{name}=\""))?;
        let whole = before.is_empty() || before.ends_with(char::is_whitespace);
        rest.split('"')
            .next()
            .filter(|text| whole && is_sentence(text))
    };
    // Between tags: `<p>Nothing here yet</p>`, or alone on its line.
    let between = || {
        line.split('>')
            .skip(1)
            .filter_map(|rest| rest.split_once('<'))
            .map(|(text, _)| text.trim())
            .find(|text| is_sentence(text))
    };
    let alone = Some(line.trim()).filter(|text| is_sentence(text));
    SPOKEN.iter().find_map(attribute).or_else(between).or(alone)
}

/// Two words or more, the first with a capital, and nothing that code is made of.
fn is_sentence(text: &str) -> bool {
    let prose = |c: char| c.is_alphanumeric() || " ,.!?'’…–-".contains(c);
    let words = text
        .split(' ')
        .filter(|word| word.chars().any(char::is_alphabetic));
    text.starts_with(char::is_uppercase) && text.chars().all(prose) && words.count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let file = File {
            path: path.into(),
            text: text.into(),
        };
        check(&[file])
    }

    #[test]
    fn a_long_file_is_found_unless_a_program_wrote_it() {
        let long = "x\n".repeat(LONGEST + 1);
        assert_eq!(found("web/src/a.ts", &long).len(), 1);
        assert_eq!(found(GENERATED[0], &long), [""; 0]);
        assert_eq!(found("web/openapi.json", &long), [""; 0]);
    }

    #[test]
    fn nothing_interprets_a_text() {
        for word in INTERPRETERS {
            assert_eq!(
                found("web/src/a.ts", &format!("x = {word} y")).len(),
                1,
                "{word}"
            );
            assert_eq!(
                found("web/src/a.test.ts", &format!("x = {word} y")),
                [""; 0]
            );
        }
    }

    #[test]
    fn the_page_holds_no_script_and_no_style() {
        let page = |body: &str| found("web/index.html", &format!("<html>\n{body}</html>"));
        assert_eq!(
            page("<script type=\"module\" src=\"/src/main.tsx\"></script>"),
            [""; 0]
        );
        assert_eq!(page("<link rel=\"stylesheet\" href=\"/a.css\">"), [""; 0]);
        for bad in [
            "<script>theme()</script>",
            "<style>a{}</style>",
            "<p style=\"color:red\">",
            "<body onload=\"go()\">",
        ] {
            assert_eq!(page(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn sentences_stand_with_the_strings() {
        let component = |line: &str| found("web/src/board/a.tsx", &format!("  {line}\n")).len();
        for bad in [
            "<p>Nothing here yet</p>",
            "<Button label=\"Start a run\">",
            "Nothing waits for you.",
        ] {
            assert_eq!(component(bad), 1, "{bad}");
            assert_eq!(found("web/src/design/a.tsx", bad), [""; 0]);
            assert_eq!(found("web/src/strings/a.ts", bad), [""; 0]);
        }
        for fine in [
            "<p>{board.empty}</p>",
            "<Badge tone=\"info\">{state}</Badge>",
            "const a: Array<Map<string, Run>> = [];",
            "return a > B ? c : d;",
            "// Nothing here yet",
            "className=\"Flex And\"",
            "export function Board() {",
        ] {
            assert_eq!(component(fine), 0, "{fine}");
        }
    }
}
