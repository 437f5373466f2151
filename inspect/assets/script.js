// Puts the parts that the server sends into the page. Each part is the content
// of the element with its ID, made by the same templates as the page.
const live = document.getElementById("live")
const pause = document.getElementById("pause")
let stream, again, paused = false

function say(text, state) {
  live.textContent = text
  live.className = state
}

function connect() {
  clearTimeout(again)
  if (stream || paused || document.hidden) return
  stream = new EventSource("stream")
  stream.onopen = () => say("Live", "on")
  stream.onmessage = event => {
    const selected = getSelection()
    for (const [id, html] of Object.entries(JSON.parse(event.data))) {
      const part = document.getElementById(id)
      if (!part) continue
      if (!selected.isCollapsed && selected.containsNode(part, true) && id !== "read-at") continue // somebody copies it
      part.innerHTML = html
    }
  }
  stream.onerror = () => { // a new connection gets all parts
    disconnect()
    say("Connecting again", "off")
    again = setTimeout(connect, 3000)
  }
}

function disconnect() {
  clearTimeout(again)
  if (stream) stream.close()
  stream = undefined
}

pause.hidden = false
pause.addEventListener("click", () => {
  paused = !paused
  pause.textContent = paused ? "Go on" : "Pause"
  if (paused) {
    disconnect()
    say("Paused", "off")
  } else {
    connect()
  }
})

document.addEventListener("visibilitychange", () => document.hidden ? disconnect() : connect())
addEventListener("pagehide", disconnect)
addEventListener("pageshow", connect)
connect()
