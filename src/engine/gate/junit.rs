//! A record as JUnit XML, which the servers of continuous integration show as tests.
//!
//! There is no schema that all of them share; the elements and attributes here are those that Jenkins' `junit-10.xsd`,
//! GitLab and GitHub's actions read. What was not run is an `error` and not `skipped`, for `skipped` passes; so is what is
//! undecided.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::record::{Outcome, Record, Status};
use gnet_core::report::visible;

/// Returns the record as a document: a suite for the gate, a test case for each rule.
pub fn junit(record: &Record) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing to memory does not fail.
    let _ = document(&mut writer, record);
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    String::from_utf8_lossy(&bytes).into_owned()
}

fn document(writer: &mut Writer<Vec<u8>>, record: &Record) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let count =
        |wanted: &[Status]| record.rules.iter().filter(|rule| wanted.contains(&rule.status)).count().to_string();
    let counts = [
        ("tests", record.rules.len().to_string()),
        ("failures", count(&[Status::Failed])),
        ("errors", count(&[Status::NotRun, Status::Undecided])),
        ("time", format!("{:.3}", record.seconds)),
    ];
    let attributes = || counts.iter().map(|(name, value)| (*name, value.as_str()));
    let name = visible(&record.model);
    writer
        .create_element("testsuites")
        .with_attribute(("name", "gnet gate"))
        .with_attributes(attributes())
        .write_inner_content(|writer| {
            writer
                .create_element("testsuite")
                .with_attribute(("name", name.as_ref()))
                .with_attributes(attributes())
                .write_inner_content(|writer| record.rules.iter().try_for_each(|rule| case(writer, rule)))?;
            Ok(())
        })?;
    Ok(())
}

fn case(writer: &mut Writer<Vec<u8>>, rule: &Outcome) -> io::Result<()> {
    let name = [rule.rule, rule.on.as_str(), rule.limit.as_str()];
    let name = name.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let class = format!("gate.{}", rule.section);
    let time = format!("{:.3}", rule.seconds);
    let name = visible(&name);
    let element = writer
        .create_element("testcase")
        .with_attribute(("name", name.as_ref()))
        .with_attribute(("classname", class.as_str()))
        .with_attribute(("time", time.as_str()));
    let kind = match rule.status {
        Status::Held => {
            element.write_empty()?;
            return Ok(());
        }
        Status::Failed => "failure",
        Status::NotRun | Status::Undecided => "error",
    };
    let reason = visible(rule.reason.as_deref().unwrap_or_default());
    let remedy = rule.remedy.as_deref().map(|remedy| format!("help: {}", visible(remedy))).unwrap_or_default();
    element.write_inner_content(|writer| {
        writer
            .create_element(kind)
            .with_attribute(("type", rule.status.name()))
            .with_attribute(("message", reason.as_ref()))
            .write_text_content(BytesText::new(&remedy))?;
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Record {
        let rule = |status, on: &str, reason: Option<&str>| Outcome {
            status,
            reason: reason.map(str::to_owned),
            remedy: reason.map(|_| "write <b>\"&\u{0}\u{1b}[31m".to_owned()),
            seconds: 0.25,
            ..Outcome::new("agreement", "reference", on, "1 < 2")
        };
        let rules = vec![
            rule(Status::Held, "", None),
            rule(Status::Failed, "a\"b'<c>&]]>", Some("a\nb\u{1b}[2J\u{202e}\u{fffe}")),
            rule(Status::NotRun, "x", Some("no library")),
            rule(Status::Undecided, "y", Some("too noisy")),
        ];
        Record {
            gate: "g".into(),
            model: "</testsuite>\u{7}\u{0}.onnx".into(),
            verdict: Status::Failed,
            interrupted: false,
            seconds: 1.0,
            rules,
        }
    }

    /// The parser is of another author and refuses what XML 1.0 does not allow.
    #[test]
    fn the_document_is_valid_xml_whatever_the_names_are() {
        let text = junit(&sample());
        let document = roxmltree::Document::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let root = document.root_element();
        assert_eq!(
            (root.tag_name().name(), root.attribute("tests"), root.attribute("time")),
            ("testsuites", Some("4"), Some("1.000"))
        );
        assert_eq!((root.attribute("failures"), root.attribute("errors")), (Some("1"), Some("2")));
        let suite = root.first_element_child().unwrap();
        assert_eq!(suite.attribute("name"), Some(r"</testsuite>\u{7}\u{0}.onnx"));
        let cases: Vec<_> = suite.children().filter(roxmltree::Node::is_element).collect();
        assert_eq!(cases.len(), 4);
        assert_eq!(cases[1].attribute("name"), Some("reference a\"b'<c>&]]> 1 < 2"));
        assert!(cases.iter().all(|case| case.attribute("classname") == Some("gate.agreement")));
        let ends: Vec<_> =
            cases.iter().map(|case| case.first_element_child().map(|end| end.tag_name().name())).collect();
        assert_eq!(ends, [None, Some("failure"), Some("error"), Some("error")]);
        let failure = cases[1].first_element_child().unwrap();
        assert_eq!(failure.attribute("message"), Some(r"a\nb\u{1b}[2J\u{202e}\u{fffe}"));
        assert_eq!(failure.text(), Some(r#"help: write <b>"&\u{0}\u{1b}[31m"#));
        assert_eq!(cases[3].first_element_child().unwrap().attribute("type"), Some("undecided"));
    }
}
