//! T-SQL that a person runs, as text in the instructions of a step. Statements that the operator runs have parameters; these
//! cannot, so every name and every value is quoted here.

/// A name as an identifier: in brackets, closing brackets doubled.
#[must_use]
pub fn quote(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// A value as a literal of Unicode letters: its quotes doubled.
fn literal(value: &str) -> String {
    format!("N'{}'", value.replace('\'', "''"))
}

/// A text inside a pattern of `LIKE`: what is special there stands for itself.
fn plain(text: &str) -> String {
    let letters = text.chars().map(|letter| match letter {
        '[' | '%' | '_' => format!("[{letter}]"),
        other => other.to_string(),
    });
    letters.collect()
}

/// A table of a schema.
#[derive(Clone, Copy, Debug)]
pub struct Table<'t> {
    /// The schema, or its owner.
    pub schema: &'t str,
    /// The table.
    pub name: &'t str,
}

impl Table<'_> {
    fn quoted(&self) -> String {
        format!("{}.{}", quote(self.schema), quote(self.name))
    }

    /// Gives a column a value, in the row with a number, or in all of them.
    #[must_use]
    pub fn set(&self, column: &str, value: &str, row: Option<(&str, u32)>) -> String {
        let place = row.map(|(key, number)| format!(" WHERE {} = {number}", quote(key))).unwrap_or_default();
        format!("UPDATE {} SET {} = {}{place}", self.quoted(), quote(column), literal(value))
    }

    /// Replaces a text in a column, where it occurs.
    #[must_use]
    pub fn replace(&self, column: &str, old: &str, new: &str) -> String {
        let (table, column) = (self.quoted(), quote(column));
        let pattern = literal(&format!("%{}%", plain(old)));
        let (old, new) = (literal(old), literal(new));
        format!("UPDATE {table} SET {column} = REPLACE({column}, {old}, {new}) WHERE {column} LIKE {pattern}")
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn names_and_values_stay_names_and_values() {
        let table = Table { schema: "CRM]7", name: "config" };
        assert_eq!(
            table.set("template_path", r"D:\O'Neil\templates", None),
            r"UPDATE [CRM]]7].[config] SET [template_path] = N'D:\O''Neil\templates'"
        );
        let row = Table { schema: "CRM7", name: "registry" }.set("value", "x", Some(("reg_id", 40)));
        assert_eq!(row, "UPDATE [CRM7].[registry] SET [value] = N'x' WHERE [reg_id] = 40");
    }

    #[test]
    fn what_is_special_in_a_pattern_stands_for_itself() {
        let text = Table { schema: "CRM7", name: "s_message" }.replace("html_message", "://a_b'%[c]", "://d");
        assert_eq!(
            text,
            "UPDATE [CRM7].[s_message] SET [html_message] = REPLACE([html_message], N'://a_b''%[c]', N'://d') \
             WHERE [html_message] LIKE N'%://a[_]b''[%][[]c]%'"
        );
    }
}
