using System.CommandLine;
using System.Globalization;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Server.Load;
using OrleansFeatures.Server.Load.Objectives;
using OrleansFeatures.Server.Output;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>bench</c>: loads a running store as a load plan says, and fails when the store does not keep its promise.</summary>
internal static class BenchCommand
{
    private static readonly Argument<string> ScenarioName = new("scenario") { Description = "The load, by its name in the load plan: lookup, batch, observe, push, readable, mixed, spike, soak." };
    private static readonly Option<string> Server = CommandOptions.Server();
    private static readonly Option<string> Transport = new("--transport") { Description = "What the requests go over.", DefaultValueFactory = _ => "grpc" };
    private static readonly Option<string?> Http = new("--http") { Description = $"Address of the store's REST, for --transport rest; without it {Limits.DefaultHttp}. --server is asked for what there is to load, and prepared over.", HelpName = "URL" };
    private static readonly Option<string?> Plan = new("--slo") { Description = "The load plan: objectives and scenarios. Without it the one that comes with the program.", HelpName = "FILE" };
    private static readonly Option<string?> Rate = new("--rate") { Description = "Requests a second of all operations together, in the scenario's mixture; without it the scenario's.", HelpName = "R" };
    private static readonly Option<string?> Length = new("--duration") { Description = "How long to load, warm-up included (30s, 10m, 2h); without it the scenario's.", HelpName = "D" };
    private static readonly Option<string?> WarmUp = new("--warm-up") { Description = "How long at first nothing is counted; without it a fifth of the run, at most 5s.", HelpName = "D" };
    private static readonly Option<string> Arrivals = new("--arrivals") { Description = "How requests are spaced: as strangers come, or evenly.", DefaultValueFactory = _ => "poisson" };
    private static readonly Option<string?> Service = new("--service") { Description = "The feature service to read; without it the store's first.", HelpName = "SERVICE" };
    private static readonly Option<string?> Stream = new("--stream") { Description = "The stream that made-up events are pushed into; without it the one that feeds the service.", HelpName = "STREAM" };
    private static readonly Option<int> Entities = Number("--entities", "Keys are drawn from 0 to this.", Limits.LoadEntities);
    private static readonly Option<int> Prepare = Number("--prepare", "Made-up events of the last day to write before the run.", 0);
    private static readonly Option<string> AsOf = new("--as-of") { Description = "The instant that lookups ask for: the stream's time, as replayed data needs it, or now.", DefaultValueFactory = _ => "stream" };
    private static readonly Option<int> Connections = Number("--connections", "Connections to the store over gRPC; over REST one for each request under way.", Limits.LoadConnections);
    private static readonly Option<int> UnderWay = Number("--under-way", "Requests without an answer at one moment; what is due beyond it waits, and its wait counts.", Limits.LoadUnderWayMax);
    private static readonly Option<int> Seed = Number("--seed", "Seed of arrivals, keys and events.", 1);
    private static readonly Option<bool> Strict = new("--strict") { Description = "Fail also when one of the plan's bars is missed, not only an objective." };
    private static readonly Option<string?> Report = new("--report") { Description = "Write a page with tables and plots (one file, no scripts).", HelpName = "FILE" };

    /// <summary>The plan that comes with the program.</summary>
    public static string DefaultPlan => Path.Combine(AppContext.BaseDirectory, "loadtest", "slo.yaml");

    public static Command Create()
    {
        Arrivals.AcceptOnlyFromAmong("poisson", "even");
        Transport.AcceptOnlyFromAmong("grpc", "rest");
        AsOf.AcceptOnlyFromAmong("stream", "now");
        Command command = CommandOptions.Command(
            "bench",
            "Load a running store at a fixed rate, and say whether it keeps its promise. All scenarios but lookup and batch write made-up events into it.",
            [
                "bench lookup --prepare 200000",
                "bench mixed --rate 2000 --duration 1m --report mixed.html",
                "bench readable --slo loadtest/slo.yaml --strict",
                "bench mixed --transport rest",
                "bench spike --server http://127.0.0.1:6565 --output json",
            ],
            [Server, Transport, Http, Plan, Rate, Length, WarmUp, Arrivals, Service, Stream, Entities, Prepare, AsOf, Connections, UnderWay, Seed, Strict, Report],
            RunAsync);
        command.Arguments.Add(ScenarioName);
        return command;
    }

    private static Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        LoadPlan plan = LoadPlanReader.Read(parsed.GetValue(Plan) ?? DefaultPlan);
        Scenario scenario = ScenarioOf(parsed, plan);
        var options = new BenchOptions
        {
            Server = parsed.GetValue(Server)!,
            Rest = RestOf(parsed),
            WarmUp = WarmUpOf(parsed, scenario),
            Spacing = parsed.GetValue(Arrivals) == "even" ? Spacing.Even : Spacing.Poisson,
            Service = parsed.GetValue(Service),
            Stream = parsed.GetValue(Stream),
            Entities = InRange(parsed, Entities, 1, Limits.LoadEntitiesMax),
            Prepare = InRange(parsed, Prepare, 0, Limits.LoadPrepareMax),
            AsOfStream = parsed.GetValue(AsOf) == "stream",
            Connections = InRange(parsed, Connections, 1, Limits.LoadConnectionsMax),
            UnderWayMax = InRange(parsed, UnderWay, 1, Limits.LoadUnderWayMax * 10),
            Seed = (ulong)InRange(parsed, Seed, 0, int.MaxValue),
            IsStrict = parsed.GetValue(Strict),
            Report = parsed.GetValue(Report),
        };
        RequireWritable(options.Report);
        return new BenchSession(plan, scenario, options).RunAsync(terminal, cancellationToken);
    }

    private static Scenario ScenarioOf(ParseResult parsed, LoadPlan plan)
    {
        string name = parsed.GetValue(ScenarioName)!;
        if (!plan.Scenarios.TryGetValue(name, out Scenario? scenario))
        {
            throw CommandFailure.Usage($"there is no scenario '{name}'{Suggestion.For(name, plan.Scenarios.Keys)} (the load plan has: {string.Join(", ", plan.Scenarios.Keys)})");
        }

        if (parsed.GetValue(Rate) is { } text)
        {
            scenario = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double rate) && rate > 0 && rate <= Limits.LoadRateMax
                ? scenario.AtRate(rate)
                : throw CommandFailure.Usage($"--rate {text}: expected requests a second, more than 0 and at most {Limits.LoadRateMax}");
        }

        return parsed.GetValue(Length) is { } length ? scenario with { Duration = TimeOf(Length.Name, length, Limits.LoadSecondsMin) } : scenario;
    }

    /// <summary>Null for gRPC. An option that the other transport would need is not passed over in silence.</summary>
    private static Uri? RestOf(ParseResult parsed)
    {
        string? given = parsed.GetValue(Http);
        if (parsed.GetValue(Transport) == "grpc")
        {
            return given is null ? null : throw CommandFailure.Usage($"--http {given}: it is where REST is; add --transport rest, or leave it out");
        }

        if (parsed.GetResult(Connections) is { Implicit: false })
        {
            throw CommandFailure.Usage("--connections: over REST each request under way has a connection of its own; bound them by --under-way");
        }

        return Uri.TryCreate(given ?? Limits.DefaultHttp, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https" && address.PathAndQuery == "/"
            ? address
            : throw CommandFailure.Usage($"--http {given}: expected the address of the store's REST, as {Limits.DefaultHttp}");
    }

    private static TimeSpan WarmUpOf(ParseResult parsed, Scenario scenario)
    {
        TimeSpan warmUp = parsed.GetValue(WarmUp) is { } text
            ? TimeOf(WarmUp.Name, text, 0)
            : TimeSpan.FromTicks(Math.Min(scenario.Duration.Ticks / 5, Limits.LoadWarmUpMax.Ticks));
        return warmUp < scenario.Duration
            ? warmUp
            : throw CommandFailure.Usage($"--warm-up {parsed.GetValue(WarmUp)}: nothing would be left of the run of {scenario.Duration.TotalSeconds} s to count");
    }

    private static TimeSpan TimeOf(string option, string text, double secondsMin)
    {
        bool isDuration = Duration.TryParse(text, out Duration duration);
        TimeSpan span = TimeSpan.FromMicroseconds(duration.Micros);
        return isDuration && span.TotalSeconds >= secondsMin && span.TotalSeconds <= Limits.LoadSecondsMax
            ? span
            : throw CommandFailure.Usage($"{option} {text}: expected a duration from {secondsMin} s to 7d, for example 30s or 10m");
    }

    /// <summary>Said before the run, not after an hour of it.</summary>
    private static void RequireWritable(string? report)
    {
        string? folder = report is null ? null : Path.GetDirectoryName(Path.GetFullPath(report));
        if (folder is not null && !Directory.Exists(folder))
        {
            throw CommandFailure.Usage($"--report {report}: there is no directory {folder}");
        }
    }

    private static Option<int> Number(string name, string description, int otherwise) =>
        new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => otherwise };

    private static int InRange(ParseResult parsed, Option<int> option, int from, int to)
    {
        int value = parsed.GetValue(option);
        return value >= from && value <= to ? value : throw CommandFailure.Usage($"{option.Name} {value}: expected {from} to {to}");
    }
}
