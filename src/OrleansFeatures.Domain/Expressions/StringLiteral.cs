using System.Globalization;
using System.Text;

namespace OrleansFeatures.Domain.Expressions;

/// <summary>A quoted string read from <c>text</c>: its value and where it ends, or what is wrong with it.</summary>
internal readonly record struct StringLiteral(string Value, int End, ExpressionError? Error)
{
    /// <summary>
    /// Reads the string whose opening quote is at <paramref name="start"/>. Escapes as in CEL:
    /// <c>\n \r \t \a \b \f \v \\ \? \" \' \` \xHH \uHHHH \UHHHHHHHH \OOO</c>; a raw string knows none.
    /// </summary>
    public static StringLiteral Read(string text, int start, bool raw)
    {
        char quote = text[start];
        var value = new StringBuilder();
        int at = start + 1;
        while (at < text.Length && text[at] != quote)
        {
            if (text[at] is '\n' or '\r')
            {
                return Fail(at, at + 1, "a string may not contain a line break", "write \\n");
            }

            if (raw || text[at] != '\\')
            {
                value.Append(text[at++]);
            }
            else if (!TryReadEscape(text, ref at, value))
            {
                return Fail(at, at + 1, "unknown escape in a string", "known: \\n \\r \\t \\\\ \\\" \\' \\xHH \\uHHHH; a raw string r\"…\" needs none");
            }
        }

        return at < text.Length
            ? new StringLiteral(value.ToString(), at + 1, null)
            : Fail(start, at, "the string does not end", $"close it with {quote}");
    }

    private static StringLiteral Fail(int column, int end, string message, string suggestion) =>
        new("", end, new ExpressionError(column + 1, message, suggestion));

    private static bool TryReadEscape(string text, ref int at, StringBuilder value)
    {
        char letter = at + 1 < text.Length ? text[at + 1] : '\0';
        int simple = "nrtabfv\\?\"'`".IndexOf(letter, StringComparison.Ordinal);
        if (letter != '\0' && simple >= 0)
        {
            value.Append("\n\r\t\a\b\f\v\\?\"'`"[simple]);
            at += 2;
            return true;
        }

        (int skip, int digits, int radix) = letter switch
        {
            'x' or 'X' => (2, 2, 16),
            'u' => (2, 4, 16),
            'U' => (2, 8, 16),
            >= '0' and <= '3' => (1, 3, 8),
            _ => (0, 0, 0),
        };
        if (digits == 0 || at + skip + digits > text.Length || !TryReadCode(text.AsSpan(at + skip, digits), radix, out Rune rune))
        {
            return false;
        }

        value.Append(rune.ToString());
        at += skip + digits;
        return true;
    }

    private static bool TryReadCode(ReadOnlySpan<char> digits, int radix, out Rune rune)
    {
        rune = default;
        uint code = 0;
        foreach (char c in digits)
        {
            if (!char.IsAsciiHexDigit(c) || (radix == 8 && c > '7'))
            {
                return false;
            }

            code = (code * (uint)radix) + uint.Parse([c], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        }

        return Rune.TryCreate(code, out rune);
    }
}
