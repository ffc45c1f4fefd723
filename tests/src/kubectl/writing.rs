//! What is expected of the commands that write, on objects that nobody else works on.

use super::terminal::Terminal;

/// A release that no site asks for, in a product's own words.
fn release(number: &str) -> String {
    format!(
        "apiVersion: crm-operator.io/v1alpha1\nkind: CrmRelease\nmetadata:\n  name: superoffice-tried\nspec:\n\
         \x20 product: SuperOffice\n  version: 0.1 TRIED\n  number: {number}\n  rank: 1\n  superOffice: {{}}\n"
    )
}

/// `apply` by the client, again with another text, `diff` before it, and what the server thinks of wrong ones.
pub fn what_is_applied_is_merged(terminal: &Terminal) {
    let file = terminal.file("release.yaml", &release("0.1.1"));
    assert_eq!(
        terminal.run(&["apply", "-f", &file]).out.trim(),
        "crmrelease.crm-operator.io/superoffice-tried created"
    );
    assert_eq!(
        terminal.run(&["apply", "-f", &file]).out.trim(),
        "crmrelease.crm-operator.io/superoffice-tried unchanged"
    );
    assert_eq!(terminal.run(&["diff", "-f", &file]).out, "");
    terminal.run(&["label", "crmrelease", "superoffice-tried", "kept=yes"]);
    let file = terminal.file("release.yaml", &release("0.1.2"));
    let differs = terminal.says(&["diff", "-f", &file]);
    assert_eq!(differs.code, 1, "{differs:?}");
    differs.shows(&["-  number: 0.1.1", "+  number: 0.1.2"]);
    let dry = terminal.run(&["apply", "-f", &file, "--dry-run=server"]);
    assert_eq!(dry.out.trim(), "crmrelease.crm-operator.io/superoffice-tried configured (server dry run)");
    assert_eq!(number(terminal), "0.1.1");
    assert_eq!(
        terminal.run(&["apply", "-f", &file]).out.trim(),
        "crmrelease.crm-operator.io/superoffice-tried configured"
    );
    assert_eq!(number(terminal), "0.1.2");
    // What others wrote beside it stays.
    terminal.run(&["get", "crmrelease", "-l", "kept=yes"]).shows(&["superoffice-tried"]);
    let wrong = terminal.file("wrong.yaml", &release("0.1.3").replace("  rank: 1", "  rank: 1\n  colour: red"));
    let refused = terminal.says(&["apply", "-f", &wrong]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("unknown field \"spec.colour\""), "{refused:?}");
    let wrong = terminal.file("wrong.yaml", &release("0.1.3").replace("rank: 1", "rank: high"));
    let refused = terminal.says(&["apply", "-f", &wrong]);
    assert!(refused.code == 1 && refused.err.contains("spec.rank"), "{refused:?}");
}

/// `apply --server-side`, and the conflict with whoever else owns a field.
pub fn the_server_applies_and_knows_who_owns_what(terminal: &Terminal) {
    let file = terminal.file("server.yaml", &release("0.1.3"));
    let conflict = terminal.says(&["apply", "--server-side", "--field-manager=gitops", "-f", &file]);
    assert_eq!(conflict.code, 1, "{conflict:?}");
    assert!(conflict.err.contains("conflict with \"kubectl-client-side-apply\""), "{conflict:?}");
    assert!(conflict.err.contains(".spec.number"), "{conflict:?}");
    let forced = terminal.run(&["apply", "--server-side", "--field-manager=gitops", "--force-conflicts", "-f", &file]);
    assert_eq!(forced.out.trim(), "crmrelease.crm-operator.io/superoffice-tried serverside-applied");
    assert_eq!(number(terminal), "0.1.3");
    let shown = terminal.run(&["get", "crmrelease", "superoffice-tried", "-o", "yaml", "--show-managed-fields"]);
    shown.shows(&["manager: gitops", "operation: Apply"]);
}

/// `patch`, `edit`, `annotate`, `replace`.
pub fn single_fields_are_changed(terminal: &Terminal) {
    let object = ["crmrelease", "superoffice-tried"];
    let patched =
        terminal.run(&["patch", object[0], object[1], "--type", "merge", "-p", r#"{"spec":{"number":"0.1.4"}}"#]);
    assert_eq!(patched.out.trim(), "crmrelease.crm-operator.io/superoffice-tried patched");
    assert_eq!(number(terminal), "0.1.4");
    let same =
        terminal.run(&["patch", object[0], object[1], "--type", "merge", "-p", r#"{"spec":{"number":"0.1.4"}}"#]);
    assert_eq!(same.out.trim(), "crmrelease.crm-operator.io/superoffice-tried patched (no change)");
    let edited = terminal.says_with(&["edit", object[0], object[1]], |command| {
        command.env("KUBE_EDITOR", "sed -i s/0.1.4/0.1.5/");
    });
    assert_eq!(
        (edited.code, edited.out.trim()),
        (0, "crmrelease.crm-operator.io/superoffice-tried edited"),
        "{edited:?}"
    );
    assert_eq!(number(terminal), "0.1.5");
    terminal.run(&["annotate", object[0], object[1], "example.com/why=tried"]);
    let strategic = terminal.says(&["patch", object[0], object[1], "--type", "strategic", "-p", "{}"]);
    assert!(
        strategic.code == 1 && strategic.err.contains("is not supported by crm-operator.io/v1alpha1"),
        "{strategic:?}"
    );
    let yaml = terminal.run(&["get", object[0], object[1], "-o", "yaml"]).out;
    let old = terminal.file("old.yaml", &yaml);
    terminal.run(&["annotate", "--overwrite", object[0], object[1], "example.com/why=again"]);
    let conflict = terminal.says(&["replace", "-f", &old]);
    assert!(conflict.code == 1 && conflict.err.contains("the object has been modified"), "{conflict:?}");
}

/// `delete`, and `wait --for=delete`.
pub fn what_is_deleted_is_gone(terminal: &Terminal) {
    let deleted = terminal.run(&["delete", "crmrelease", "superoffice-tried"]);
    assert!(deleted.out.starts_with("crmrelease.crm-operator.io \"superoffice-tried\" deleted"), "{deleted:?}");
    terminal.run(&["wait", "--for=delete", "crmrelease/superoffice-tried", "--timeout=20s"]);
    let again = terminal.says(&["delete", "crmrelease", "superoffice-tried"]);
    assert!(again.code == 1 && again.err.contains("NotFound"), "{again:?}");
    terminal.run(&["delete", "crmrelease", "superoffice-tried", "--ignore-not-found"]);
}

/// Built-in kinds: a Secret and a namespace of one's own.
pub fn secrets_and_namespaces_are_made(terminal: &Terminal) {
    terminal.run(&["create", "namespace", "tried"]);
    terminal.run(&["create", "secret", "generic", "login", "-n", "tried", "--from-literal=username=eva"]);
    let encoded = terminal.run(&["get", "secret", "login", "-n", "tried", "-o", "jsonpath={.data.username}"]);
    assert_eq!(encoded.out, "ZXZh");
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: second, namespace: tried}\nstringData: {a: b}\n";
    let file = terminal.file("secret.yaml", text);
    terminal.run(&["apply", "-f", &file]).shows(&["secret/second created"]);
    let file = terminal.file("secret.yaml", &text.replace("a: b", "a: c"));
    terminal.run(&["apply", "-f", &file]).shows(&["secret/second configured"]);
    let encoded = terminal.run(&["get", "secret", "second", "-n", "tried", "-o", "jsonpath={.data.a}"]);
    assert_eq!(encoded.out, "Yw==");
    terminal.run(&["delete", "secret", "login", "second", "-n", "tried"]);
    let nowhere = terminal.says(&["create", "secret", "generic", "login", "-n", "nowhere"]);
    assert!(nowhere.code == 1 && nowhere.err.contains("namespaces \"nowhere\" not found"), "{nowhere:?}");
}

fn number(terminal: &Terminal) -> String {
    terminal.run(&["get", "crmrelease", "superoffice-tried", "-o", "jsonpath={.spec.number}"]).out
}
