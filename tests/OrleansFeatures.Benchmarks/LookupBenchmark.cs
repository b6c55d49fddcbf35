using System.Diagnostics;
using System.Text.Json;
using Grpc.Core;
using Grpc.Net.Client;
using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks;

/// <summary>
/// Clients that each ask as soon as they have been answered, over gRPC, on one connection for every eight of them: what servers that run already can answer. With several servers, client i asks server i mod n. The last line is JSON, for
/// scripts (tests/acceptance/cluster.py).
/// </summary>
internal static class LookupBenchmark
{
    public const string About = "lookups of servers that run: --servers URL[,URL...] [--service fraud] [--key customer_id:5000,terminal_id:10000] [--rows 1] [--clients 32] [--seconds 10] [--as-of-micros T]";

    private const int ClientsPerConnection = 8;
    private const int WarmUpSeconds = 2;

    public static async Task Run(Arguments arguments)
    {
        string[] servers = (arguments.Text("servers") ?? throw new InvalidOperationException("--servers names whom to ask")).Split(',');
        int clients = arguments.Number("clients", 32);
        GrpcChannel[] channels = [.. Enumerable.Range(0, servers.Length * Math.Max(1, clients / ClientsPerConnection / servers.Length)).Select(index => GrpcChannel.ForAddress(servers[index % servers.Length]))];
        var question = new Question(arguments);
        long begin = Stopwatch.GetTimestamp() + (WarmUpSeconds * Stopwatch.Frequency);
        long end = begin + (arguments.Number("seconds", 10) * Stopwatch.Frequency);
        Answers[] answers = await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(() => AskAsync(channels[client % channels.Length], question, client, begin, end))));
        foreach (GrpcChannel channel in channels)
        {
            channel.Dispose();
        }

        double[] sorted = [.. answers.SelectMany(each => each.Milliseconds).Order()];
        double seconds = (end - begin) / (double)Stopwatch.Frequency;
        var said = new
        {
            lookups_per_second = sorted.Length / seconds,
            rows_per_second = sorted.Length * (long)question.Rows / seconds,
            p50_ms = At(sorted, 0.5),
            p99_ms = At(sorted, 0.99),
            errors = answers.Sum(each => each.Errors),
            last_error = answers.Select(each => each.LastError).FirstOrDefault(error => error is not null),
        };
        Console.WriteLine($"{said.lookups_per_second:N0} lookups/s of {question.Rows} rows by {clients} clients at {servers.Length} servers; p50 {said.p50_ms:N2} ms, p99 {said.p99_ms:N2} ms; {said.errors:N0} errors");
        Console.WriteLine(JsonSerializer.Serialize(said));
    }

    private static async Task<Answers> AskAsync(GrpcChannel channel, Question question, int client, long begin, long end)
    {
        var features = new FeatureService.FeatureServiceClient(channel);
        var random = new Random(client);
        var answers = new Answers();
        for (long asked = Stopwatch.GetTimestamp(); asked < end; asked = Stopwatch.GetTimestamp())
        {
            try
            {
                await features.GetFeaturesAsync(question.Draw(random), deadline: DateTime.UtcNow.AddSeconds(10));
                if (asked >= begin)
                {
                    answers.Milliseconds.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
                }
            }
            catch (RpcException refused)
            {
                answers.Errors++;
                answers.LastError = refused.Status.ToString();
            }
        }

        return answers;
    }

    private static double At(double[] sorted, double part) => sorted.Length == 0 ? 0 : sorted[(int)Math.Min(sorted.Length - 1, sorted.Length * part)];

    private sealed class Answers
    {
        public List<double> Milliseconds { get; } = [];

        public long Errors { get; set; }

        public string? LastError { get; set; }
    }

    /// <summary>What is asked: key fields, each with how many values it has from zero on.</summary>
    private sealed class Question(Arguments arguments)
    {
        private readonly (string Field, int Values)[] _keys =
            [.. (arguments.Text("key") ?? "customer_id:5000,terminal_id:10000").Split(',').Select(key => key.Split(':')).Select(key => (key[0], int.Parse(key[1], System.Globalization.CultureInfo.InvariantCulture)))];

        private readonly string _service = arguments.Text("service") ?? "fraud";
        private readonly long? _asOf = arguments.Text("as-of-micros") is { } text ? long.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : null;

        public int Rows { get; } = arguments.Number("rows", 1);

        public GetFeaturesRequest Draw(Random random)
        {
            var request = new GetFeaturesRequest { What = new FeatureSelection { FeatureService = _service }, Compact = true };
            foreach ((string field, int values) in _keys)
            {
                request.Keys.Add(new KeyColumn { Field = field, Int64S = { Enumerable.Range(0, Rows).Select(_ => (long)random.Next(values)) } });
            }

            if (_asOf is { } micros)
            {
                request.AsOfMicros.Add(micros);
            }

            return request;
        }
    }
}
