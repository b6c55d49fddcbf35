using System.CommandLine;
using System.Text;
using OrleansFeatures.Server.Files;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>--request field=value</c>: what on-demand features take from the request; once for all rows, or several times, once per row.</summary>
internal static class RequestOption
{
    public static Option<string[]> Create() => new("--request")
    {
        Description = "A field of the request that on-demand features compute with; once for all rows, or once per row. field= is null.",
        HelpName = "field=value",
        DefaultValueFactory = _ => [],
    };

    /// <summary>The context of a request for a service that wants such fields.</summary>
    public static IEnumerable<ContextColumn> ColumnsOf(IReadOnlyList<string> given, string service, IReadOnlyList<Field> wanted, int rows)
    {
        foreach (string field in given.Select(NameOf).Where(name => wanted.All(field => field.Name != name)))
        {
            string known = wanted.Count == 0 ? "it takes none" : $"it takes {string.Join(", ", wanted.Select(Described))}";
            throw CommandFailure.Usage($"--request {field}=...: feature service {service} takes no field '{field}' of the request{Suggestion.For(field, wanted.Select(known => known.Name))}; {known}");
        }

        Field[] missing = [.. wanted.Where(field => given.All(one => NameOf(one) != field.Name))];
        if (missing.Length > 0)
        {
            throw CommandFailure.Usage($"feature service {service} computes with {string.Join(", ", missing.Select(Described))} of the request; add {string.Join(" ", missing.Select(field => $"--request {field.Name}=..."))}");
        }

        return wanted.Select(field => ColumnOf(field, [.. given.Where(one => NameOf(one) == field.Name).Select(one => one[(one.IndexOf('=') + 1)..])], rows));
    }

    private static ContextColumn ColumnOf(Field field, string[] texts, int rows)
    {
        if (texts.Length != 1 && texts.Length != rows)
        {
            throw CommandFailure.Usage($"--request {field.Name}=...: {texts.Length} values for {rows} rows; give it once for all rows, or once per row");
        }

        var cells = new ContextCells(field);
        foreach (string text in texts)
        {
            if (text.Length == 0)
            {
                cells.AddNull();
            }
            else if (!cells.TryAdd(Encoding.UTF8.GetBytes(text)))
            {
                throw CommandFailure.Usage($"--request {field.Name}={text}: '{text}' is not a {TypeOf(field)}");
            }
        }

        return cells.ToColumn();
    }

    private static string NameOf(string given)
    {
        int equals = given.IndexOf('=');
        return equals > 0 ? given[..equals] : throw CommandFailure.Usage($"--request {given}: expected field=value, for example --request amount=12.5");
    }

    private static string Described(Field field) => $"{field.Name} ({TypeOf(field)})";

    /// <summary>As definitions spell it.</summary>
    private static string TypeOf(Field field) => field.Type.ToString().ToLowerInvariant();
}
