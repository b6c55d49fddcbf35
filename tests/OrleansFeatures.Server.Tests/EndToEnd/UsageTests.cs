using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

public sealed class UsageTests : IDisposable
{
    /// <summary>Port 9 (discard) of the loopback address: nobody listens there.</summary>
    private const string Nobody = "http://127.0.0.1:9";

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("", "expected a command")]
    [InlineData("psuh", "did you mean 'push'?")]
    [InlineData("push --file x.csv", "--stream")]
    [InlineData("push --stream s --file missing.csv", "missing.csv: no such file")]
    [InlineData("push --stream s --file x.csv --map nonsense", "--map nonsense: expected field=column")]
    [InlineData("push --stream s --file x.csv --batch 0", "--batch 0: expected 1 to")]
    [InlineData("push --stream s --file x.csv --format xml", "'xml' not recognized")]
    [InlineData("get --service s --entity customer", "expected type=key")]
    [InlineData("get --service s --entity customer=1 --as-of yesterday", "--as-of yesterday: expected an RFC 3339 time")]
    [InlineData("get --service s --entity customer=1 --server nowhere", "--server nowhere: expected a URL")]
    [InlineData("get --service s --entity customer=1 --output xml", "'xml' not recognized")]
    [InlineData("plan --definitions missing", "missing: no such file or directory")]
    [InlineData("serve --data d --grpc 70000", "--grpc 70000: expected a port")]
    [InlineData("demo --rate 0", "--rate 0: expected 1 to")]
    [InlineData("quarantine --limit 5000", "--limit 5000: expected 1 to 1000")]
    [InlineData("serve --data d --checkpoint-interval 10ms", "--checkpoint-interval 10ms: expected a duration of at least 1s")]
    [InlineData("serve --data d --checkpoint-interval soon", "--checkpoint-interval soon: expected a duration")]
    [InlineData("serve --data d --checkpoint-log 5", "--checkpoint-log 5: expected an amount of at least 1.0 MB")]
    [InlineData("serve --data d --entity-idle 0s", "--entity-idle 0s: expected a duration of at least 1s")]
    [InlineData("serve --data d --history 1s", "--history 1s: expected a duration of at least 1m")]
    [InlineData("serve --data d --dedupe-horizon 1s", "--dedupe-horizon 1s: expected a duration of at least 1m")]
    [InlineData("serve --data d --recover maybe", "'maybe' not recognized")]
    [InlineData("replay --from yesterday", "--from yesterday: expected start, an RFC 3339 time")]
    [InlineData("replay --from snapshot", "--from snapshot: that is what a restart does")]
    [InlineData("reconcile --sample 0", "--sample 0: expected 1 to 100000, or --all")]
    [InlineData("watch", "watch: give either --service or --feature")]
    [InlineData("watch --service s --feature v:f", "watch: give either --service or --feature")]
    [InlineData("watch --service s --entity customer", "expected type=key")]
    [InlineData("watch --service s --request amount", "--request amount: expected field=value")]
    [InlineData("reconcile --sample 5 --all", "--all and --sample: give one of them")]
    [InlineData("bench", "Required argument missing")]
    [InlineData("bench lokup", "there is no scenario 'lokup'; did you mean 'lookup'?")]
    [InlineData("bench lookup --rate 0", "--rate 0: expected requests a second")]
    [InlineData("bench lookup --duration 1ms", "--duration 1ms: expected a duration from 1 s")]
    [InlineData("bench lookup --duration 2s --warm-up 3s", "--warm-up 3s: nothing would be left")]
    [InlineData("bench lookup --slo missing.yaml", "missing.yaml: no such file")]
    [InlineData("bench lookup --connections 0", "--connections 0: expected 1 to 256")]
    [InlineData("bench lookup --report missing/report.html", "--report missing/report.html: there is no directory")]
    public async Task What_cannot_be_carried_out_as_written_is_a_usage_error_in_one_line(string line, string expected)
    {
        CommandRun run = await CommandRun.RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        run.Error.ShouldContain(expected);
        run.Error.ShouldStartWith("orleans-features: ");
        run.Error.TrimEnd().ShouldNotContain('\n');
        run.Out.ShouldBeEmpty();
        run.ExitCode.ShouldBe(2);
    }

    [Theory]
    [InlineData("push --stream s --file FILE")]
    [InlineData("get --service s --entity customer=1")]
    [InlineData("watch --service s")]
    [InlineData("training --service s --rows FILE --out out.csv")]
    [InlineData("plan --definitions FILE")]
    [InlineData("apply --definitions FILE")]
    [InlineData("quarantine")]
    [InlineData("status --output json")]
    [InlineData("reconcile")]
    [InlineData("checkpoint")]
    [InlineData("replay --from start")]
    [InlineData("bench lookup")]
    public async Task A_server_that_is_not_there_is_unreachable(string line)
    {
        string file = _directory.Write("events.csv", "id\n1\n");
        string[] arguments = [.. line.Replace("FILE", file, StringComparison.Ordinal).Split(' '), "--server", Nobody];
        CommandRun run = await CommandRun.RunAsync(arguments);
        run.Error.ShouldContain(Nobody);
        run.Error.ShouldContain("orleans-features serve");
        run.ExitCode.ShouldBe(3);
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("demo")]
    [InlineData("plan")]
    [InlineData("apply")]
    [InlineData("push")]
    [InlineData("get")]
    [InlineData("watch")]
    [InlineData("training")]
    [InlineData("quarantine")]
    [InlineData("status")]
    [InlineData("reconcile")]
    [InlineData("checkpoint")]
    [InlineData("replay")]
    [InlineData("bench")]
    public async Task Every_command_explains_itself_with_examples_and_exit_codes(string command)
    {
        CommandRun run = await CommandRun.RunAsync([command, "--help"]);
        run.ExitCode.ShouldBe(0);
        run.Out.ShouldContain($"Examples:\n  orleans-features {command}");
        run.Out.ShouldContain("--output <json|table>");
        run.Out.ShouldContain("Exit codes: 0 done, 1 refused, 2 wrong usage, 3 server unreachable.");
    }
}
