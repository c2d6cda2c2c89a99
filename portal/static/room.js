// Waits for a room to open, shows how long it has taken, and goes in.
const waiting = document.getElementById("waiting");

function enter() {
  // Come back to this page without going in again.
  history.replaceState(null, "", location.pathname);
  document.getElementById("enter").submit();
}

async function look() {
  let now;
  try {
    const answer = await fetch(`/rooms/${waiting.dataset.room}/state`, { headers: { Accept: "application/json" } });
    if (!answer.ok || answer.redirected) return location.reload();
    now = await answer.json();
  } catch {
    return setTimeout(look, 2000); // the portal is away for a moment: ask again
  }
  if (now.state === "starting") {
    document.getElementById("seconds").textContent = `${Math.round(now.seconds)} s`;
    return setTimeout(look, 100);
  }
  if (now.state === "open" && waiting.dataset.enter) return enter();
  location.replace(location.pathname);
}

// The room's own address waits for it, too, and loads JupyterLab meanwhile.
if (waiting) waiting.dataset.there ? enter() : look();
