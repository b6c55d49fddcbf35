using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace OrleansFeatures.Server.Output;

/// <summary>
/// Where a command talks: results on standard output, as a table or as one JSON document, and everything else (progress, errors) on
/// standard error, so that a result can always be piped on.
/// </summary>
internal sealed class Terminal
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public Terminal(bool json)
    {
        Json = json;
        Result = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(Console.Out),
            ColorSystem = Console.IsOutputRedirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
        });
        Status = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        if (Console.IsOutputRedirected)
        {
            // A pipe has no width: cells must not be wrapped for one that was guessed.
            Result.Profile.Width = RedirectedWidth;

            // Nor colours: whoever reads it would find their codes.
            Result.Profile.Capabilities.Ansi = false;
        }
    }

    private const int RedirectedWidth = 400;

    /// <summary>The caller asked for <c>--output json</c>.</summary>
    public bool Json { get; }

    public IAnsiConsole Result { get; }

    public IAnsiConsole Status { get; }

    /// <summary>Someone is watching standard error, so progress may be drawn in place.</summary>
    public bool IsWatched => !Console.IsErrorRedirected && Status.Profile.Capabilities.Ansi;

    public static Table NewTable(params string[] headers)
    {
        var table = new Table { Border = TableBorder.Simple, UseSafeBorder = true };
        foreach (string header in headers)
        {
            table.AddColumn(new TableColumn(Markup.Escape(header)).NoWrap());
        }

        return table;
    }

    /// <summary>A cell's text as it is, however many brackets it holds.</summary>
    public static Text Cell(string text, Style? style = null) => new(text, style);

    public void Write(Table table) => Result.Write(table);

    public void Write(string line) => Console.Out.WriteLine(line);

    public void Write(JsonNode document) => Console.Out.WriteLine(document.ToJsonString(Indented));

    /// <summary>A remark or an error, one line.</summary>
    public static void Remark(string line) => Console.Error.WriteLine(line);
}
