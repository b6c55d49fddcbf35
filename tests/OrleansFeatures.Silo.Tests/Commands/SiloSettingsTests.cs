using System.CommandLine;
using System.Net;
using Microsoft.Extensions.Logging;
using OrleansFeatures.Gateway.Admission;
using OrleansFeatures.Server;
using OrleansFeatures.Silo.Commands;

namespace OrleansFeatures.Silo.Tests.Commands;

public sealed class SiloSettingsTests
{
    private static readonly Dictionary<string, string> Least = new()
    {
        ["ORLEANS_FEATURES_POSTGRES"] = "Host=db;Username=me;Password=secret-word;Database=features",
        ["ORLEANS_FEATURES_REDIS"] = "members:6379,password=secret-word",
    };

    [Fact]
    public void Two_variables_are_all_that_it_takes()
    {
        SiloOptions options = Read([], Least);
        options.Postgres.ShouldBe(Least["ORLEANS_FEATURES_POSTGRES"]);
        options.Listen.ShouldBe(IPAddress.Loopback);
        options.Advertised.ShouldBe(IPAddress.Loopback);
        options.GrpcPort.ShouldBe(6565);
        options.HttpPort.ShouldBe(6580);
        options.SiloPort.ShouldBe(11_111);
        options.OrleansGatewayPort.ShouldBe(0, "nobody needs it but Orleans clients");
        options.Partitions.ShouldBe(64);
    }

    [Fact]
    public void An_option_wins_over_its_variable_and_an_empty_variable_is_none()
    {
        var environment = new Dictionary<string, string>(Least)
        {
            ["ORLEANS_FEATURES_GRPC_PORT"] = "7000",
            ["ORLEANS_FEATURES_HTTP_PORT"] = "7001",
            ["ORLEANS_FEATURES_HISTORY"] = "",
            ["ORLEANS_FEATURES_BACKFILL_PRODUCERS"] = "history, batch",
        };
        SiloOptions options = Read(["--grpc", "7100", "--drain-limit", "1m"], environment);
        options.GrpcPort.ShouldBe(7_100);
        options.HttpPort.ShouldBe(7_001);
        options.RawHistory.ShouldBeNull();
        options.BackfillProducers.ShouldBe(["history", "batch"]);
        options.DrainMax.ShouldBe(TimeSpan.FromMinutes(1));
    }

    [Fact]
    public void A_pod_is_called_and_found_as_Kubernetes_says()
    {
        var environment = new Dictionary<string, string>(Least) { ["POD_NAME"] = "store-7f9c-x2", ["POD_IP"] = "10.1.2.3", ["ORLEANS_FEATURES_LISTEN"] = "0.0.0.0" };
        SiloOptions options = Read([], environment);
        options.Name.ShouldBe("store-7f9c-x2");
        options.Advertised.ShouldBe(IPAddress.Parse("10.1.2.3"));
        options.Listen.ShouldBe(IPAddress.Any);
    }

    [Fact]
    public void Amounts_times_and_levels_are_read()
    {
        SiloOptions options = Read(
            ["--memory-budget", "4GB", "--entity-idle", "1h", "--checkpoint-interval", "10s", "--leave-grace", "0s", "--log-level", "information", "--dashboard", "off", "--partitions", "128"], Least);
        options.MemoryBudgetBytes.ShouldBe(4L << 30);
        options.EntityIdleAfter.ShouldBe(TimeSpan.FromHours(1));
        options.CheckpointInterval.ShouldBe(TimeSpan.FromSeconds(10));
        options.LeaveGrace.ShouldBe(TimeSpan.Zero);
        options.LogLevel.ShouldBe(LogLevel.Information);
        options.Dashboard.ShouldBeFalse();
        options.Partitions.ShouldBe(128);
    }

    [Fact]
    public void What_the_gateway_takes_in_and_remembers_is_read()
    {
        var environment = new Dictionary<string, string>(Least) { ["ORLEANS_FEATURES_MAX_PUSHES"] = "16", ["ORLEANS_FEATURES_PREDICTION_HISTORY"] = "7d", ["ORLEANS_FEATURES_CORS_ORIGINS"] = "https://a.example, https://b.example" };
        SiloOptions options = Read(["--max-lookups", "64", "--calls-per-connection", "10", "--shed-after", "50ms"], environment);
        (options.Admission.Lookups, options.Admission.Pushes, options.Connections.Calls).ShouldBe((64, 16, 10));
        options.Admission.LookupDelay.ShouldBe(TimeSpan.FromMilliseconds(50));
        options.PredictionHistory.ShouldBe(TimeSpan.FromDays(7));
        options.CorsOrigins.ShouldBe(["https://a.example", "https://b.example"]);
        SiloOptions without = Read([], Least);
        without.Admission.ShouldBe(new AdmissionLimits());
        without.PredictionHistory.ShouldBe(TimeSpan.FromDays(30));
    }

    [Theory]
    [InlineData("--max-lookups", "0", "--max-lookups 0: expected a number, 1 to")]
    [InlineData("--calls-per-connection", "many", "--calls-per-connection many: expected a number, 1 to")]
    [InlineData("--shed-after", "0s", "--shed-after 0s: expected a duration of at least 1ms")]
    [InlineData("--prediction-history", "1s", "--prediction-history 1s: expected a duration of at least")]
    [InlineData("--cors-origins", "https://a.example/page", "--cors-origins https://a.example/page: expected a scheme, a host")]
    [InlineData("--grpc", "70000", "--grpc 70000: expected a port, 0 to 65535")]
    [InlineData("--silo-port", "0", "--silo-port 0: expected a port, 1 to 65535")]
    [InlineData("--listen", "localhost", "--listen localhost: expected an IP address")]
    [InlineData("--listen", "0.0.0.0", "say with --advertise, or POD_IP")]
    [InlineData("--memory-budget", "12", "--memory-budget 12: expected an amount of memory of at least")]
    [InlineData("--entity-idle", "1s", "--entity-idle 1s: expected a duration of at least 10s")]
    [InlineData("--checkpoint-interval", "soon", "--checkpoint-interval soon: expected a duration")]
    [InlineData("--partitions", "0", "--partitions 0: expected a number, 1 to")]
    [InlineData("--cluster-id", "a b", "--cluster-id a b: expected a name")]
    [InlineData("--log-level", "loud", "--log-level loud: expected one of Trace")]
    [InlineData("--log-level", "3", "--log-level 3: expected one of Trace")]
    [InlineData("--dashboard", "maybe", "--dashboard maybe: expected on or off")]
    [InlineData("--http", "6565", "port 6565 is given twice")]
    [InlineData("--drain-limit", "1s", "--drain-limit 1s: expected a duration of at least 5s")]
    [InlineData("--leave-grace", "1m", "leaves nothing of --drain-limit")]
    public void What_cannot_be_is_refused_with_its_place_and_what_is_expected(string option, string value, string said)
    {
        CommandFailure refusal = Should.Throw<CommandFailure>(() => Read([option, value], Least));
        refusal.Message.ShouldContain(said);
        refusal.Code.ShouldBe(ExitCode.Usage);
    }

    [Fact]
    public void A_wrong_variable_is_named_as_the_variable_that_it_is()
    {
        var environment = new Dictionary<string, string>(Least) { ["ORLEANS_FEATURES_SILO_PORT"] = "eleven" };
        Should.Throw<CommandFailure>(() => Read([], environment)).Message.ShouldStartWith("ORLEANS_FEATURES_SILO_PORT=eleven: expected a port");
    }

    [Theory]
    [InlineData("ORLEANS_FEATURES_POSTGRES", "Hots=db;Password=secret-word")]
    [InlineData("ORLEANS_FEATURES_POSTGRES", "Password=secret-word")]
    [InlineData("ORLEANS_FEATURES_REDIS", "password=secret-word")]
    [InlineData("ORLEANS_FEATURES_REDIS", "members:6379,nonsense=secret-word")]
    public void A_refused_connection_string_is_never_shown(string variable, string value)
    {
        CommandFailure refusal = Should.Throw<CommandFailure>(() => Read([], new Dictionary<string, string>(Least) { [variable] = value }));
        refusal.Message.ShouldContain(variable);
        refusal.Message.ShouldNotContain("secret-word");
    }

    [Fact]
    public void Without_a_database_it_says_which_variable_to_set() =>
        Should.Throw<CommandFailure>(() => Read([], new Dictionary<string, string>())).Message.ShouldBe("ORLEANS_FEATURES_POSTGRES is not set: set it, or give --postgres CONNECTION");

    [Theory]
    [InlineData("ORLEANS_FEATURES_KUBERNETES", "true", "ORLEANS_FEATURES_KUBERNETES is set, and this build has nothing of the cloud: build with -p:Cloud=true")]
    [InlineData("ORLEANS_FEATURES_EVENT_HUBS", "Endpoint=sb://secret-word", "ORLEANS_FEATURES_EVENT_HUBS_NAME")]
    public void What_this_build_has_not_is_refused(string variable, string value, string said)
    {
        CommandFailure refusal = Should.Throw<CommandFailure>(() => Read([], new Dictionary<string, string>(Least) { [variable] = value }));
        refusal.Message.ShouldContain(said);
        refusal.Message.ShouldNotContain("secret-word");
    }

    private static SiloOptions Read(string[] arguments, Dictionary<string, string> environment) =>
        SiloSettings.Read(SiloCommands.Create().Parse(["serve", .. arguments]), name => environment.GetValueOrDefault(name));
}
