using System.Text;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using OrleansFeatures.Gateway.Admission;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Admission;

public sealed class CallAdmissionTests : IDisposable
{
    private const string Lookup = "/orleansfeatures.v1.FeatureService/GetFeatures";
    private const string Push = "/orleansfeatures.v1.IngestService/Push";
    private const string Health = "/grpc.health.v1.Health/Check";
    private const string RestLookup = "/features/v1/{service}:get";

    /// <summary>The same on every machine: 500 lookups a second are a crowd, and 2,500 events, or 50 pushes of none.</summary>
    private static readonly CrowdBounds Crowds = new(LookupsPerSecond: 500, EventsPerSecond: 50 * Limits.PushWorthEvents);

    private readonly SlowQueue _slow = new();
    private readonly IngestRoom _room = new();

    public void Dispose() => _room.Dispose();

    [Fact]
    public async Task What_is_over_the_limit_is_refused_with_a_hint_and_taken_in_again_when_a_call_has_ended()
    {
        using CallAdmission admission = Start(new AdmissionLimits { Lookups = 1, ClientShare = 1 });
        using var first = new Call(admission, Lookup);
        first.Status.ShouldBe("under way");
        using (var second = new Call(admission, Lookup))
        {
            second.Status.ShouldBe($"{(int)StatusCode.ResourceExhausted}");
            second.Header("retry-after-ms").ShouldBe($"{Limits.RetryAfterMs}");
            second.Header("grpc-message").ShouldStartWith("too many lookups are under way");
            Google.Rpc.Status details = Google.Rpc.Status.Parser.ParseFrom(Convert.FromBase64String(Padded(second.Header("grpc-status-details-bin"))));
            details.Details.ShouldContain(detail => detail.Is(Google.Rpc.RetryInfo.Descriptor));
        }

        await first.EndAsync();
        using var third = new Call(admission, Lookup);
        third.Status.ShouldBe("under way");
        (admission.UnderWay(CallClass.Lookup), admission.ShedFor(CallClass.Lookup, Shed.Calls), admission.Admitted(CallClass.Lookup)).ShouldBe((1, 1, 1));
    }

    [Fact]
    public void Classes_have_limits_of_their_own_and_control_has_none()
    {
        using CallAdmission admission = Start(new AdmissionLimits { Lookups = 1, Pushes = 1, ClientShare = 1 });
        string[] routes = [Lookup, Lookup, RestLookup, Push, Push, Health, Health, Health];
        Call[] calls = [.. routes.Select(route => new Call(admission, route))];
        calls.Select(call => call.Status).ShouldBe(["under way", "8", "429", "under way", "8", "under way", "under way", "under way"]);
    }

    [Fact]
    public async Task A_client_that_gives_its_name_has_a_share_and_others_find_room()
    {
        using CallAdmission admission = Start(new AdmissionLimits { Lookups = 8, ClientShare = 4 });
        Call[] greedy = [.. Enumerable.Range(0, 3).Select(_ => new Call(admission, Lookup, client: "greedy"))];
        greedy.Select(call => call.Status).ShouldBe(["under way", "under way", "8"]);
        greedy[2].Header("grpc-message").ShouldStartWith("orleansfeatures-client: this client has too many lookups under way");
        new Call(admission, Lookup, client: "modest").Status.ShouldBe("under way");
        new Call(admission, Lookup).Status.ShouldBe("under way");
        await greedy[0].EndAsync();
        new Call(admission, Lookup, client: "greedy").Status.ShouldBe("under way");
        admission.UnderWay(CallClass.Lookup).ShouldBe(4, "a refused call counts no more");
        (admission.Admitted(CallClass.Lookup), admission.ShedFor(CallClass.Lookup, Shed.Client)).ShouldBe((1, 1), "nor as one that was taken in");
    }

    [Fact]
    public void While_a_crowd_of_calls_waits_long_for_threads_lookups_are_shed_and_pushes_only_later()
    {
        using CallAdmission admission = Start(new AdmissionLimits());
        new Call(admission, Lookup).Status.ShouldBe("under way", "nothing waits; from now on it is looked how long they do");
        Crowd(admission, TimeSpan.FromMilliseconds(200));
        new Call(admission, Lookup).Status.ShouldBe("under way");
        Crowd(admission, TimeSpan.FromMilliseconds(300));
        long lookups = admission.ShedFor(CallClass.Lookup, Shed.Queue), pushes = admission.ShedFor(CallClass.Ingest, Shed.Queue);
        new Call(admission, Lookup).Status.ShouldBe("8");
        new Call(admission, RestLookup).Status.ShouldBe("429");
        new Call(admission, Push).Status.ShouldBe("under way");
        new Call(admission, Health).Status.ShouldBe("under way");
        (admission.ShedFor(CallClass.Lookup, Shed.Queue) - lookups, admission.ShedFor(CallClass.Ingest, Shed.Queue) - pushes).ShouldBe((2, 0));
        Crowd(admission, TimeSpan.FromMilliseconds(1_100));
        new Call(admission, Push).Status.ShouldBe("8");
        new Call(admission, Health).Status.ShouldBe("under way");
        _slow.Delay(TimeSpan.Zero);
        new Call(admission, Lookup).Status.ShouldBe("under way");
    }

    [Fact]
    public void A_few_calls_are_not_shed_for_threads_that_others_hold()
    {
        using CallAdmission admission = Start(new AdmissionLimits());
        new Call(admission, Lookup).Status.ShouldBe("under way", "nothing waits; from now on it is looked how long they do");
        _slow.Delay(TimeSpan.FromSeconds(3));
        _slow.Delay(TimeSpan.FromSeconds(3));
        admission.Delay.ShouldBe(TimeSpan.FromSeconds(3));
        new Call(admission, Lookup).Status.ShouldBe("under way");
        new Call(admission, RestLookup).Status.ShouldBe("under way");
        new Call(admission, Push).Status.ShouldBe("under way");
        new Call(admission, Lookup, timeout: "2S").Status.ShouldBe("4", "its deadline has passed, whoever is the reason");

        // While the probe waits on, whoever holds the threads.
        _slow.Fire();
        _slow.Pass(TimeSpan.FromSeconds(3));
        _slow.Fire();
        new Call(admission, Lookup).Status.ShouldBe("under way");

        // Many of the one class are no reason to shed the other.
        _slow.Run();
        _slow.Fire();
        Come(admission, Lookup, Crowds.LookupsPerSecond * 3);
        _slow.Pass(TimeSpan.FromSeconds(3));
        _slow.Run();
        admission.Delay.ShouldBe(TimeSpan.FromSeconds(3));
        new Call(admission, Lookup).Status.ShouldBe("8");
        new Call(admission, Push).Status.ShouldBe("under way");
    }

    [Fact]
    public void Pushes_are_a_crowd_by_their_events_and_a_refused_one_counts_as_those_before_it()
    {
        using CallAdmission admission = Start(new AdmissionLimits());
        new Call(admission, Lookup).Status.ShouldBe("under way", "from now on it is looked how long calls wait");
        const int Pushes = 60;
        Pushed(events: 1).ShouldBe("under way", "twenty pushes a second of one event each are none");
        Pushed(events: 500).ShouldBe("8");
        Pushed(events: 0).ShouldBe("8", "all of these were refused unread");
        admission.ShedFor(CallClass.Ingest, Shed.Queue).ShouldBe((Pushes / 2) + 1 + Pushes + 1, "from the first probe of the large ones on");
        Pushed(events: 0).ShouldBe("8", "as often as they come");
        _slow.Delay(TimeSpan.Zero);
        Pushed(events: 1).ShouldBe("under way", "they have become small");

        // What the next push is told when thirty have come while each of two probes waited a second and a half.
        string Pushed(int events)
        {
            for (int probe = 0; probe < 2; probe++)
            {
                _slow.Fire();
                long before = admission.Admitted(CallClass.Ingest);
                Come(admission, Push, Pushes / 2);
                _room.Read((int)(admission.Admitted(CallClass.Ingest) - before) * events);
                _slow.Pass(TimeSpan.FromSeconds(1.5));
                _slow.Run();
            }

            using var next = new Call(admission, Push);
            next.End();
            return next.Status;
        }
    }

    [Fact]
    public void A_stall_that_a_crowd_meets_is_no_reason_to_shed_it()
    {
        using CallAdmission admission = Start(new AdmissionLimits());
        new Call(admission, Lookup).Status.ShouldBe("under way");
        Wave(admission, TimeSpan.FromMilliseconds(400));
        new Call(admission, Lookup).Status.ShouldBe("under way", "what waited behind the stall can be answered in time");
        Wave(admission, TimeSpan.FromMilliseconds(300));
        new Call(admission, Lookup).Status.ShouldBe("8", "more come than are answered");
    }

    [Theory]
    [InlineData("10m", "4")]
    [InlineData("900u", "4")]
    [InlineData("25m", "8")]
    [InlineData("30m", "under way")]
    [InlineData("1S", "under way")]
    [InlineData("nonsense", "under way")]
    public void A_call_whose_deadline_has_passed_while_it_waited_is_not_begun(string timeout, string status)
    {
        using CallAdmission admission = Start(new AdmissionLimits());
        new Call(admission, Lookup, timeout: timeout).Status.ShouldBe("under way", "nothing waits");
        Crowd(admission, TimeSpan.FromMilliseconds(20));
        new Call(admission, Lookup, timeout: timeout).Status.ShouldBe(status);
        admission.ShedFor(CallClass.Lookup, Shed.Late).ShouldBe(status == "4" ? 1 : 0);
    }

    [Fact]
    public void A_call_whose_client_has_gone_while_it_waited_is_not_begun()
    {
        using CallAdmission admission = Start(new AdmissionLimits());
        new Call(admission, Lookup, isGone: true).Status.ShouldBe("under way", "nothing waits, so nobody has looked");
        _slow.Delay(TimeSpan.FromMilliseconds(20));
        new Call(admission, Lookup, isGone: true).Status.ShouldBe("4");
    }

    [Fact]
    public async Task A_call_that_throws_leaves_too()
    {
        using CallAdmission admission = Start(new AdmissionLimits { Lookups = 1 });
        using (var call = new Call(admission, Lookup))
        {
            await Should.ThrowAsync<InvalidOperationException>(() => call.FailAsync());
        }

        admission.UnderWay(CallClass.Lookup).ShouldBe(0);
    }

    [Fact]
    public void Names_of_clients_are_bounded_and_made_up_ones_share_one_count()
    {
        var calls = new ClientCalls(callsMax: 2);
        ClientCalls.Share[] held = [.. Enumerable.Range(0, Limits.ClientNamesMax).Select(number => calls.TryEnter($"client {number}")!)];
        calls.TryEnter("made up 1").ShouldNotBeNull();
        calls.TryEnter("made up 2").ShouldNotBeNull();
        calls.TryEnter("made up 3").ShouldBeNull();
        ClientCalls.Leave(held[7]);
        calls.TryEnter("made up 3").ShouldNotBeNull("somebody who is gone has made room for a name");
        calls.TryEnter("client 8").ShouldNotBeNull();
        calls.TryEnter("client 8").ShouldBeNull();
    }

    private CallAdmission Start(AdmissionLimits limits) => new(limits, _slow, _room, Crowds, _slow.Queue, new RunQueue(slots: 2, waitingMax: 2, limits.LookupDelay, _slow));

    /// <summary>As many calls of both classes as are a crowd come out of the queue, and have waited so long; and again as many after them.</summary>
    private void Crowd(CallAdmission admission, TimeSpan delay)
    {
        Wave(admission, delay);
        Wave(admission, delay);
    }

    private void Wave(CallAdmission admission, TimeSpan delay)
    {
        _slow.Fire();
        Come(admission, Lookup, (int)Math.Ceiling(Crowds.LookupsPerSecond * delay.TotalSeconds));
        Come(admission, Push, (int)Math.Ceiling(Crowds.EventsPerSecond * delay.TotalSeconds / Limits.PushWorthEvents));
        _slow.Pass(delay);
        _slow.Run();
    }

    /// <summary>Calls that have ended again at once.</summary>
    private static void Come(CallAdmission admission, string route, int calls)
    {
        for (int number = 0; number < calls; number++)
        {
            using var call = new Call(admission, route);
            call.End();
        }
    }

    private static string Padded(string base64) => base64.PadRight((base64.Length + 3) / 4 * 4, '=');

    /// <summary>A call that stays under way until it is ended.</summary>
    private sealed class Call : IDisposable
    {
        private readonly TaskCompletionSource _ends = new();
        private readonly DefaultHttpContext _http = new();
        private readonly MemoryStream _body = new();
        private readonly Task _running;
        private bool _begun;

        public Call(CallAdmission admission, string route, string? client = null, string? timeout = null, bool isGone = false)
        {
            _http.Response.Body = _body;
            _http.RequestAborted = new CancellationToken(isGone);
            if (client is not null)
            {
                _http.Request.Headers[CallAdmission.ClientHeader] = client;
            }

            if (timeout is not null)
            {
                _http.Request.Headers["grpc-timeout"] = timeout;
            }

            var endpoint = new RouteEndpointBuilder(RunAsync, RoutePatternFactory.Parse(route), 0);
            if (route.Contains('.', StringComparison.Ordinal))
            {
                endpoint.Metadata.Add(new GrpcMethodMetadata(typeof(FeatureService.FeatureServiceBase), new Method<string, string>(MethodType.Unary, "", "", Text, Text)));
            }

            admission.Guard(endpoint);
            _running = endpoint.RequestDelegate!(_http);
        }

        /// <summary>Or the status that it was refused with, of gRPC or HTTP.</summary>
        public string Status => _begun ? "under way" : _http.Response.Headers["grpc-status"].ToString() is { Length: > 0 } status ? status : $"{_http.Response.StatusCode}";

        private static Marshaller<string> Text => new(Encoding.UTF8.GetBytes, Encoding.UTF8.GetString);

        public string Header(string name) => _http.Response.Headers[name].ToString();

        public void End() => _ends.SetResult();

        public Task EndAsync()
        {
            _ends.SetResult();
            return _running;
        }

        public Task FailAsync()
        {
            _ends.SetException(new InvalidOperationException("as a test wants it"));
            return _running;
        }

        public void Dispose() => _body.Dispose();

        private Task RunAsync(HttpContext context)
        {
            _begun = true;
            return _ends.Task;
        }
    }
}
