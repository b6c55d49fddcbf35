using System.Globalization;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.RealData;

/// <summary>
/// Real event streams with independent oracles, kept beside the project because their licences do not allow them inside it. Where they are
/// absent, the tests that need them are skipped and say so.
/// </summary>
internal static class SharedData
{
    public static string Require(string name)
    {
        string path = Path.GetFullPath(Path.Combine(ProjectRoot(), "..", "shared", "data", name));
        Assert.SkipUnless(File.Exists(path), $"../shared/data/{name} is not there: put the data folder beside the project to run this test");
        return path;
    }

    /// <summary>Rows of a gzipped csv as column name to text. The files hold no quotes.</summary>
    public static IEnumerable<Dictionary<string, string>> Csv(string name)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Require(name)), CompressionMode.Decompress));
        string[] header = reader.ReadLine()!.Split(',');
        while (reader.ReadLine() is { } line)
        {
            string[] cells = line.Split(',');
            yield return header.Select((column, index) => (column, cells[index])).ToDictionary();
        }
    }

    public static IEnumerable<System.Text.Json.JsonElement> JsonLines(string name) => Lines(name).Select(line => System.Text.Json.JsonDocument.Parse(line).RootElement);

    public static IEnumerable<string> Lines(string name)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Require(name)), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    public static EventTime Time(string text) =>
        EventTime.TryParse(text, out EventTime time) ? time : throw new FormatException($"'{text}' is not a time");

    public static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>A file or folder of the project, by its path from the root.</summary>
    public static string InProject(string path) => Path.Combine(ProjectRoot(), path);

    private static string ProjectRoot([CallerFilePath] string here = "")
    {
        string? folder = Path.GetDirectoryName(here);
        while (folder is not null && !File.Exists(Path.Combine(folder, "OrleansFeatures.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException($"no OrleansFeatures.sln above {here}");
    }
}
