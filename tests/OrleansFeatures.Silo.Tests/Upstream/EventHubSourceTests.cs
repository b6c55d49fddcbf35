using OrleansFeatures.Silo.Upstream;

namespace OrleansFeatures.Silo.Tests.Upstream;

public sealed class EventHubSourceTests
{
    private const string Variable = "ORLEANS_FEATURES_EVENT_HUBS";

    [Fact]
    public void Without_a_connection_there_is_no_hub() => Read(("_NAME", "orders"), ("_CONSUMER_GROUP", "store")).ShouldBeNull();

    [Fact]
    public void A_connection_string_and_a_name_are_enough()
    {
        EventHubSource source = Read(("", "Endpoint=sb://x;SharedAccessKey=secret"), ("_NAME", "orders")).ShouldNotBeNull();
        (source.Hub, source.ConsumerGroup, source.ConnectionString, source.Stream).ShouldBe(("orders", "$Default", "Endpoint=sb://x;SharedAccessKey=secret", ""));
        source.ToString().ShouldNotContain("secret");
    }

    [Fact]
    public void A_namespace_goes_by_the_silos_own_identity()
    {
        EventHubSource source = Read(("_NAMESPACE", "x.servicebus.windows.net"), ("_NAME", "orders"), ("_CONSUMER_GROUP", "store"), ("_STREAM", "transactions")).ShouldNotBeNull();
        (source.Namespace, source.ConnectionString, source.ConsumerGroup, source.Stream).ShouldBe(("x.servicebus.windows.net", null, "store", "transactions"));
    }

    [Fact]
    public void What_contradicts_itself_is_refused_and_the_variable_is_named()
    {
        Refused(("", "Endpoint=sb://x"), ("_NAMESPACE", "x.servicebus.windows.net"), ("_NAME", "orders")).ShouldContain($"{Variable}_NAMESPACE");
        Refused(("", "Endpoint=sb://x")).ShouldContain($"{Variable}_NAME");
        Refused(("", "Endpoint=sb://x"), ("_NAME", "a/b")).ShouldContain($"{Variable}_NAME");
        Refused(("", "Endpoint=sb://x"), ("_NAME", new string('h', 250))).ShouldContain("shorter name");
    }

    private static string Refused(params (string Suffix, string Value)[] variables) => Should.Throw<ArgumentException>(() => Read(variables)).Message;

    private static EventHubSource? Read(params (string Suffix, string Value)[] variables) =>
        EventHubSource.Read(name => variables.Where(variable => Variable + variable.Suffix == name).Select(variable => variable.Value).FirstOrDefault());
}
