using System.CommandLine;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Server.Hosting;

namespace OrleansFeatures.Server.Commands;

/// <summary>What <c>serve</c> is told of how much may come in at once.</summary>
internal static class AdmissionOptions
{
    private static readonly Option<int> Lookups = Count("--max-lookups", "Lookups under way at once; one client that gives its name may have a quarter of them.", Gateway.Limits.LookupsMax);
    private static readonly Option<int> Pushes = Count("--max-pushes", "The same for pushes, an open stream counting as one.", Gateway.Limits.PushesMax);
    private static readonly Option<int> Calls = Count("--calls-per-connection", "Calls at once on one gRPC connection. Clients hold back the rest, so fewer cost nothing and bound what is under way.", Gateway.Limits.CallsPerConnectionMax);

    private static readonly Option<string?> ShedAfter = new("--shed-after")
    {
        Description = $"Lookups that would wait longer than this for a thread are refused, as 100ms, but only while they are such a crowd that they wait for each other; earlier if their deadline is shorter. {Of(Gateway.Limits.LookupDelayMax)} without it.",
        HelpName = "DURATION",
    };

    public static IEnumerable<Option> All => [Lookups, Pushes, Calls, ShedAfter];

    /// <exception cref="CommandFailure">One of them cannot be.</exception>
    public static ServeOptions Apply(ParseResult parsed, ServeOptions options) => options with
    {
        Admission = options.Admission with { Lookups = CountOf(parsed, Lookups), Pushes = CountOf(parsed, Pushes), LookupDelay = TimeOf(parsed) ?? options.Admission.LookupDelay },
        Connections = options.Connections with { Calls = CountOf(parsed, Calls) },
    };

    private static int CountOf(ParseResult parsed, Option<int> option) =>
        parsed.GetValue(option) is var count and > 0 ? count : throw CommandFailure.Usage($"{option.Name} {parsed.GetValue(option)}: expected at least 1");

    private static TimeSpan? TimeOf(ParseResult parsed) => parsed.GetValue(ShedAfter) is not { } text
        ? null
        : Duration.TryParse(text, out Duration duration) && duration.Micros > 0
            ? TimeSpan.FromMicroseconds(duration.Micros)
            : throw CommandFailure.Usage($"{ShedAfter.Name} {text}: expected a duration, as 50ms or 1s");

    private static string Of(TimeSpan time) => new Duration((long)time.TotalMicroseconds).ToString();

    private static Option<int> Count(string name, string description, int count) => new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => count };
}
