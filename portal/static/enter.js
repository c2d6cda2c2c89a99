// Hands the ticket to the room's own host. Without script the page's button does the same.
document.getElementById("ticket").submit();
